#!/usr/bin/env bash
# A connection that the server closed at once: redis-py on uvloop raises RuntimeError, not its ConnectionError.
#
# Packages: redis 8.1.0, uvloop 0.23.0.
# Expected: the loop makes no difference: a lost connection is redis.exceptions.ConnectionError, which callers retry.
# Happens:  on asyncio's own loop it is. On uvloop the first write to a connection that was closed since it was opened
#           raises RuntimeError ("the handler is closed"), which redis-py translates only for OSError: `except
#           RedisError` does not catch it, and the client's own retries are not used for it.
# Matters:  a short cut of the network ends a service that retries every fault of Redis it knows of. It happened to a
#           worker once in some dozens of cuts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check redis==8.1.0 uvloop==0.23.0

cat > look.py <<'PY'
import asyncio
import sys

import uvloop
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError


async def closed_at_once(connection):
    """The peer hangs up between the connect and the first command."""
    connection._writer.transport.abort()
    await asyncio.sleep(0.05)
    await connection.on_connect()


async def ping():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Redis(
        host="127.0.0.1", port=port, socket_timeout=1, retry=Retry(NoBackoff(), 0),
        redis_connect_func=closed_at_once,
    )
    try:
        await client.ping()
    except RedisError as error:
        return f"RedisError {type(error).__name__}"
    except Exception as error:
        return f"{type(error).__name__}, no RedisError"
    finally:
        server.close()
    return "no error"


for name, loop in (("asyncio", asyncio.new_event_loop()), ("uvloop", uvloop.new_event_loop())):
    print(f"{name}: {loop.run_until_complete(ping())}")
PY
venv/bin/python look.py > seen
cat seen
cat > wanted <<'TXT'
asyncio: RedisError ConnectionError
uvloop: RuntimeError, no RedisError
TXT
diff seen wanted
echo "as described"
