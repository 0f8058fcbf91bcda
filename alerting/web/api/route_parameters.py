"""Parameters that routes share: the services, and types with their bounds."""

from typing import Annotated

from fastapi import Depends, Path, Request

from alerting.web.service_container import Services

CaseId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
MAX_MINOR = 10**13


async def services_of(request: Request) -> Services:
    """The services that the composition root put into the application.

    It is async only because FastAPI runs every other dependency in a thread, at each request.
    """
    services: Services = request.app.state.services
    return services


Service = Annotated[Services, Depends(services_of)]
