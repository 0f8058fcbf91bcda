"""The file of an evidence pack: a page to read, the same data for machines, and the checksums of both.

The page holds one JSON document in a script element that browsers do not run. Each of its sections has a SHA-256 over
its canonical JSON (sorted keys, no spaces); the page has one over all its bytes, with 64 zeros in the place of the
digest itself.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

FORMAT = "forewarn-evidence/1"
NO_DIGEST = "0" * 64
DIGEST = re.compile(rb'<meta name="forewarn-digest" content="([0-9a-f]{64})">')
DATA = re.compile(rb'<script type="application/json" id="evidence">(.*?)</script>', re.DOTALL)


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces, safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def section_digest(value: object) -> str:
    """The checksum of a section."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def checksums_of(sections: Mapping[str, Any]) -> dict[str, str]:
    """The checksum of every section."""
    return {name: section_digest(value) for name, value in sections.items()}


def seal(page: str) -> bytes:
    """The bytes of a page whose digest is still 64 zeros, with its digest.

    Raises:
        ValueError: the page has no place for the digest, or more than one.
    """
    blank = page.encode()
    if len(DIGEST.findall(blank)) != 1:
        raise ValueError("a page has one place for its digest")
    digest = hashlib.sha256(blank).hexdigest()
    return blank.replace(NO_DIGEST.encode(), digest.encode(), 1)


def digest_in(sealed: bytes) -> str:
    """The digest that a file names; empty if it names none, or several."""
    found = DIGEST.findall(sealed)
    return found[0].decode() if len(found) == 1 else ""


def digest_over(sealed: bytes) -> str:
    """The digest of a file as it is: what ``digest_in`` has to be."""
    blank = DIGEST.sub(
        lambda match: match.group().replace(match.group(1), NO_DIGEST.encode()), sealed, count=1
    )
    return hashlib.sha256(blank).hexdigest()
