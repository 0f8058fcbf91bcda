"""The declarative base: column types and names of constraints, the same on both databases."""

from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column

Id = Annotated[str, mapped_column(String(64))]
Key = Annotated[str, mapped_column(String(64), primary_key=True)]
Serial = Annotated[
    int,
    # SQLite numbers a row by itself only where the primary key is an INTEGER, not a BIGINT.
    mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
]
EpochMs = Annotated[int, mapped_column(BigInteger)]
Minor = Annotated[int, mapped_column(BigInteger)]
Short = Annotated[str, mapped_column(String(64))]
Tenant = Annotated[str, mapped_column(String(32))]
District = Annotated[str, mapped_column(String(12))]
Prose = Annotated[str, mapped_column(Text)]
Document = Annotated[dict[str, Any], mapped_column(JSON)]


class Base(DeclarativeBase):
    """Base of every table of the service, those of access control included."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
