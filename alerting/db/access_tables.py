"""The tables of access control: sessions, API keys and failed sign-ins.

No secret is stored: tokens and keys carry 256 random bits, so a plain SHA-256 of them cannot be
searched for, and a reader of the database can neither use a session nor a key. Times are UTC
milliseconds.
"""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from alerting.db.declarative_base import Base

sessions = Table(
    "access_sessions",
    Base.metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("family", String(32), nullable=False, index=True),  # one sign-in over its rotations
    Column("subject", String(200), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("grants", Text, nullable=False),  # JSON: roles, tenants, districts at sign-in
    Column("credential", String(64), nullable=False),  # fingerprint: a new password ends sessions
    Column("csrf_token", String(64), nullable=False),
    Column("signed_in_at_ms", BigInteger, nullable=False),
    Column("issued_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
)

api_keys = Table(
    "access_api_keys",
    Base.metadata,
    Column("key_id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("grants", Text, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("revoked_at_ms", BigInteger, nullable=True),
)

failures = Table(
    "access_failures",
    Base.metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at_ms", BigInteger, nullable=False, index=True),
    Column("locked_until_ms", BigInteger, nullable=False),
)
