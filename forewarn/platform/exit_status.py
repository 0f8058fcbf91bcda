"""The exit status of a command, and the line on standard error where it fails."""

import os
import sys
from collections.abc import Callable

from forewarn.errors import ForewarnError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it

TRACEBACK_VARIABLE = "FOREWARN_TRACEBACK"


def run(command: Callable[[], object]) -> int:
    """Call a command and turn what it raises into an exit status and a line on stderr."""
    try:
        command()
    except ForewarnError as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        print(f"forewarn: {error}", file=sys.stderr)  # noqa: T201  this is the command line
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not our error, and stdout is unusable.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0
