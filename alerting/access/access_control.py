"""Access control put together: signing in, knowing who asks, signing out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from alerting.access.access_errors import NotAuthenticatedError, RateLimitedError, SignInFailedError
from alerting.access.api_keys import KeyStore
from alerting.access.grants import Grants
from alerting.access.lockout import Lockout
from alerting.access.oidc import Identity, OidcClient
from alerting.access.principal import Principal
from alerting.access.rate_limits import RateLimiter, network_of
from alerting.access.responder_names import decide_responder
from alerting.access.roles import permissions_of
from alerting.access.scope import Scope
from alerting.access.sessions import Session, SessionStore
from alerting.access.users import UserFile
from alerting.cases.history.audit_actions import AuditAction
from alerting.service_errors import InvalidRequestError


class Audit(Protocol):
    """Where access control records what happened; the hash-chained log in the service."""

    def __call__(
        self,
        *,
        actor: str,
        action: AuditAction,
        target: str,
        details: Mapping[str, object],
        now_ms: int,
    ) -> None:
        """Append one entry, or raise; an action that cannot be recorded does not happen."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request: the principal, and the session if it came with a cookie."""

    principal: Principal
    session: Session | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The rate limiters: by address for what fails, by principal for what is allowed."""

    sign_in: RateLimiter
    refused: RateLimiter
    people: RateLimiter
    services: RateLimiter


class AccessControl:
    """Knows who is asking.

    Args:
        users: people with a password.
        sessions: what browsers hold.
        keys: what services hold.
        lockout: pauses after failures.
        limits: rate limiters.
        audit: where sign-ins and refusals are recorded.
        oidc: the identity provider, if there is one.
        public_url: how browsers reach the service, for example ``https://forewarn.example.org``.
        break_glass: people of the password file may sign in although there is a provider.
        clock: UTC milliseconds.
    """

    def __init__(
        self,
        *,
        users: UserFile,
        sessions: SessionStore,
        keys: KeyStore,
        lockout: Lockout,
        limits: Limits,
        audit: Audit,
        oidc: OidcClient | None,
        public_url: str,
        break_glass: bool,
        clock: Callable[[], int],
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._lockout = lockout
        self._limits = limits
        self._audit = audit
        self._clock = clock
        self.keys = keys
        self.oidc = oidc
        self.passwords_open = oidc is None or break_glass
        self.public_url = public_url
        self.https = public_url.startswith("https://")
        # A __Host- cookie cannot be planted by a sibling domain, but browsers want TLS for it.
        self.cookie = "__Host-forewarn" if self.https else "forewarn"

    def now_ms(self) -> int:
        """The clock that access control lives by, UTC milliseconds."""
        return self._clock()

    def sign_in(self, name: str, password: str, address: str) -> Session:
        """Check a password and open a session.

        Raises:
            RateLimitedError: if this address tried too often, or too many try at once.
            SignInFailedError: if the password is wrong or the name is locked; the error does not say which.
        """
        now_ms = self._clock()
        network = network_of(address)
        self._take(self._limits.sign_in, network, now_ms)
        name = name.strip().lower()[:64]
        paused = self._lockout.locked(name, network, now_ms)
        # The password is checked even while paused, so that the time taken tells nothing.
        user = self._users.check(name, password)
        if paused or user is None or not self.passwords_open:
            if not paused and user is None:
                self._lockout.failed(name, network, now_ms)
            self._audit(
                actor="anonymous",
                action="access.sign_in_refused",
                # A name that is not ours may be a password typed into the wrong field.
                target=f"local:{name}" if self._users.get(name) else "unknown",
                details={"paused": paused, "closed": not self.passwords_open, "address": address},
                now_ms=now_ms,
            )
            raise SignInFailedError(
                "The name or the password is wrong, or sign-in pauses after several failures.",
                hint="Try again in a few minutes, or ask your administrator.",
            )
        self._lockout.succeeded(name, network)
        return self._open(
            Identity(user.subject, user.display_name, user.grants), user.credential, address
        )

    def sign_in_identity(self, identity: Identity, address: str) -> Session:
        """Open a session for a person whom the identity provider authenticated."""
        return self._open(identity, "oidc", address)

    def still(self, caller: Caller) -> Principal | None:
        """Who a caller of a while ago is now, with the rights of now; None once the key is revoked
        or the session over. For streams, which outlive the request that began them."""
        now_ms = self._clock()
        if caller.session is None:
            return self.keys.still(caller.principal, now_ms)
        session = self._sessions.still(caller.session.family, now_ms)
        return None if session is None else self._principal_of(session)

    def guessed(self, address: str) -> None:
        """Count a wrong secret address; raises RateLimitedError after too many of one network."""
        self._take(self._limits.refused, network_of(address), self._clock())

    def may_sign_in(self, subject: str) -> bool:
        """Whether a person of the password file is still in it; of others the provider decides."""
        return not subject.startswith("local:") or self._users.by_subject(subject) is not None

    def open_sessions(self, within: Scope) -> list[Session]:
        """Who is signed in, once per sign-in, as far as their rights lie within this scope."""
        found = {
            session.family: session for session in reversed(self._sessions.alive(self._clock()))
        }
        return [
            session
            for session in reversed(found.values())
            if (who := self._principal_of(session)) is not None and within.covers(who.scope)
        ]

    def end_session(self, who: Principal, family: str) -> bool:
        """End a person's session on every replica, and record it; False if there is none within the
        scope of the caller."""
        for session in self.open_sessions(who.scope):
            if session.family == family:
                self.record(who, "access.session_ended", session.subject)
                self._sessions.close(family)
                return True
        return False

    def sign_out(self, session: Session) -> None:
        """End the session on every replica."""
        self._sessions.close(session.family)
        self._audit(
            actor=session.subject,
            action="access.signed_out",
            target=session.subject,
            details={},
            now_ms=self._clock(),
        )

    def identify(self, *, token: str | None, bearer: str | None, address: str) -> Caller:
        """Who sends this cookie or key.

        Raises:
            NotAuthenticatedError: if the caller is not known.
            RateLimitedError: if they, or failures from this address, are too many.
        """
        now_ms = self._clock()
        caller = self._by_key(bearer, now_ms) if bearer else self._by_cookie(token, now_ms)
        if caller is None:
            if bearer or token:  # having none at all is a first visit, not an attempt
                self._take(self._limits.refused, network_of(address), now_ms)
            raise NotAuthenticatedError("You are not signed in.", hint="Sign in and try again.")
        service = caller.principal.means == "api_key"
        limiter = self._limits.services if service else self._limits.people
        self._take(limiter, caller.principal.subject, now_ms)
        return caller

    def identify_at_once(self, bearer: str) -> Caller | None:
        """Who sends a key that was checked within the last second; None if the database has to be asked.

        Raises:
            RateLimitedError: if their requests are too many.
        """
        now_ms = self._clock()
        principal = self.keys.remembered(bearer, now_ms)
        if principal is None:
            return None
        self._take(self._limits.services, principal.subject, now_ms)
        return Caller(principal, None)

    def record(self, who: Principal, action: AuditAction, target: str, **details: Any) -> None:
        """Write what a person did into the audit log; raises if it cannot be written."""
        self._audit(
            actor=who.subject,
            action=action,
            target=target,
            details=details,
            now_ms=self._clock(),
        )

    def names_of(self, subjects: Iterable[str]) -> dict[str, str]:
        """Names to show for those who hold cases; a subject without one stands for itself."""
        wanted = set(subjects)
        found = self._sessions.names_of(wanted)
        for subject in wanted:
            user = self._users.by_subject(subject)
            found[subject] = user.display_name if user else found.get(subject, subject)
        return found

    def colleagues(self, tenant: str, district: str) -> dict[str, str]:
        """Who could take a case of this tenant and district: subjects and names.

        People of the password file, and those signed in through the provider.
        """
        return {
            subject: name
            for subject, (name, grants) in self._workers().items()
            if grants.scope.admits(tenant, district)
        }

    def _workers(self) -> dict[str, tuple[str, Grants]]:
        """Names and grants of the known people whose role works on cases."""
        known = {user.subject: (user.display_name, user.grants) for user in self._users.all()}
        known |= {
            session.subject: (session.name, session.grants)
            for session in self._sessions.alive(self._clock())
            if not session.subject.startswith("local:")
        }
        return {
            subject: (name, grants)
            for subject, (name, grants) in known.items()
            if "case.work" in permissions_of(grants.roles)
        }

    def check_responder(self, who: Principal, tenant: str, responder: str) -> None:
        """Refuse a responder of a shift who is not a person that signs in.

        A tenant outside the caller's scope names no one here; the shift itself is refused then.

        Raises:
            InvalidRequestError: ``not_a_colleague``.
        """
        if not who.scope.covers(Scope.of([tenant], [])):
            return
        known = {
            subject: name
            for subject, (name, grants) in self._workers().items()
            if grants.scope.tenants is None or tenant in grants.scope.tenants
        }
        meant = decide_responder(responder, known, complete=self.oidc is None)
        if meant is not None:
            hint = f"Did you mean {meant}?" if meant else "Enter the subject of a colleague."
            raise InvalidRequestError(
                f"{responder!r} does not sign in here.", code="not_a_colleague", hint=hint
            )

    def _by_key(self, key: str, now_ms: int) -> Caller | None:
        principal = self.keys.check(key, now_ms)
        return None if principal is None else Caller(principal, None)

    def _by_cookie(self, token: str | None, now_ms: int) -> Caller | None:
        session = self._sessions.find(token, now_ms) if token else None
        principal = self._principal_of(session) if session else None
        return None if principal is None else Caller(principal, session)

    def _principal_of(self, session: Session) -> Principal | None:
        """The session's person; None, with the session ended, if that person has no access."""
        name, grants = session.name, session.grants
        if session.subject.startswith("local:"):
            user = self._users.by_subject(session.subject)
            if user is None or user.credential != session.credential or not self.passwords_open:
                self._sessions.close_all(session.subject)
                return None
            name, grants = user.display_name, user.grants  # as they are now, not as they were
        return Principal(session.subject, name, grants.roles, grants.scope, "session")

    def _open(self, identity: Identity, credential: str, address: str) -> Session:
        now_ms = self._clock()
        session = self._sessions.open(
            subject=identity.subject,
            name=identity.name,
            grants=identity.grants,
            credential=credential,
            now_ms=now_ms,
        )
        broke_glass = self.oidc is not None and credential != "oidc"
        self._audit(
            actor=identity.subject,
            action="access.broke_glass" if broke_glass else "access.signed_in",
            target=identity.subject,
            details={"address": address, "roles": sorted(identity.grants.roles)},
            now_ms=now_ms,
        )
        return session

    @staticmethod
    def _take(limiter: RateLimiter, key: str, now_ms: int) -> None:
        wait_seconds = limiter.take(key, now_ms)
        if wait_seconds:
            raise RateLimitedError(wait_seconds)
