"""Leases: one replica at a time does a job; another takes over when the lease expires."""

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from alerting.db.database import Database
from alerting.db.dispatch_tables import Lease


def hold(db: Database, name: str, owner: str, seconds: float, now_ms: int) -> bool:
    """Take or keep a lease; False while another holds it.

    The clocks of replicas need to agree only to within a fraction of ``seconds``.
    """
    until_ms = now_ms + int(seconds * 1000)
    with db.read() as session:
        lease = session.get(Lease, name)
        if lease is not None and lease.owner == owner and lease.until_ms - now_ms > seconds * 500:
            return True
        if lease is not None and lease.owner != owner and lease.until_ms > now_ms:
            return False
    try:
        with db.write() as session:
            if session.scalar(select(Lease.name).where(Lease.name == name)) is None:
                session.execute(insert(Lease).values(name=name, owner=owner, until_ms=until_ms))
                return True
            taken = session.execute(
                update(Lease)
                .where(Lease.name == name, (Lease.owner == owner) | (Lease.until_ms <= now_ms))
                .values(owner=owner, until_ms=until_ms)
                .returning(Lease.name)
            ).first()
            return taken is not None
    except IntegrityError:  # another replica inserted it first
        return False


def release(db: Database, name: str, owner: str) -> None:
    """Give a lease back, so that another replica can take it at once."""
    with db.write() as session:
        session.execute(
            update(Lease).where(Lease.name == name, Lease.owner == owner).values(until_ms=0)
        )
