"""The OpenAPI document of the decision service, from the structs that it decodes and encodes."""

from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from forewarn import __version__
from forewarn.contracts import Transfer
from forewarn.platform.request_signature import SIGNATURE, TIMESTAMP
from forewarn.platform.words import LANGUAGES
from streams.decisions.bank_answer import BankAnswer
from streams.decisions.bank_request import ACCEPT_LATE, DEADLINE, DEADLINE_MS_MIN
from streams.decisions.decision_errors import PROBLEM_TYPE, ProblemDocument
from streams.decisions.line_status import LineStatus

REPEATED_HEADER = "Forewarn-Repeated"
TENANT_HEADER = "Forewarn-Tenant"
TIMING_HEADER = "Server-Timing"
Json = dict[str, Any]

LANGUAGE_HEADER = "Accept-Language"
_REFERENCE = "#/components/schemas/{name}"


@cache
def openapi_document() -> Json:
    """The document; OpenAPI 3.1."""
    (transfer, answer, status, problem), components = msgspec.json.schema_components(
        [Transfer, BankAnswer, LineStatus, ProblemDocument], ref_template=_REFERENCE
    )
    body = {"required": True, "content": {"application/json": {"schema": transfer}}}
    paths = {
        "/v1/decisions": {"post": _decide(body, answer, problem)},
        "/v1/decisions/what-if": {"post": _what_if(body, answer, problem)},
        "/v1/line-status/{number}": {"get": _line(status, problem)},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Forewarn decisions",
            "version": __version__,
            "description": "Answers banks that hold a payment while they ask. Money is in minor units, "
            "times are UTC milliseconds, errors are RFC 9457 problem documents.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key that demands signatures also needs the headers "
                    f"`{TIMESTAMP}` and `{SIGNATURE}`; docs/banks.md says how to make them.",
                }
            },
        },
        "security": [{"key": []}],
    }


def _decide(body: Json, answer: Json, problem: Json) -> Json:
    return {
        "summary": "Answer a payment that waits",
        "operationId": "decide",
        "parameters": [
            _header(
                DEADLINE,
                {"type": "integer", "minimum": DEADLINE_MS_MIN},
                "milliseconds within which the service answers, at worst with the fallback",
            ),
            _header(
                ACCEPT_LATE,
                {"type": "boolean"},
                "record the event later if it cannot be recorded now",
            ),
            _language(),
        ],
        "requestBody": body,
        "responses": {
            "200": {
                "description": "The answer; the same for the same question. In another language it has the "
                "same codes and values, and other words.",
                "headers": {
                    **_CONTENT_LANGUAGE,
                    REPEATED_HEADER: {
                        "description": "`true` if this answer was given before",
                        "schema": {"type": "string"},
                    },
                    TIMING_HEADER: {
                        "description": "`total`: milliseconds since the question arrived; `starved`: those "
                        "in which the replica waited for a processor",
                        "schema": {"type": "string", "example": "total;dur=41.7, starved;dur=0.0"},
                    },
                },
                "content": {"application/json": {"schema": answer}},
            },
            **_problems(problem, 401, 403, 409, 413, 422, 429),
        },
    }


def _what_if(body: Json, answer: Json, problem: Json) -> Json:
    return {
        "summary": "Try a payment without any effect",
        "operationId": "whatIf",
        "parameters": [_language()],
        "requestBody": body,
        "responses": {
            "200": {
                **_success("What would be answered now.", answer),
                "headers": _CONTENT_LANGUAGE,
            },
            **_problems(problem, 401, 403, 413, 422, 429, 503),
        },
    }


def _line(status: Json, problem: Json) -> Json:
    return {
        "summary": "What is known of a line now",
        "operationId": "lineStatus",
        "parameters": [
            {
                "name": "number",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": r"^\+?[0-9]{3,20}$"},
            },
            _header(TENANT_HEADER, {"type": "string"}, "of the line; `default` if left out"),
        ],
        "responses": {
            "200": _success("The status of the line.", status),
            **_problems(problem, 401, 403, 422, 429, 503),
        },
    }


_CONTENT_LANGUAGE: Json = {
    "Content-Language": {
        "description": "of `explanation`, `question` and the `meaning` of reasons",
        "schema": {"enum": list(LANGUAGES)},
    }
}


def _language() -> Json:
    return _header(
        LANGUAGE_HEADER,
        {"type": "string", "example": "zh-CN,zh;q=0.9,en;q=0.5"},
        "language of the words: en or zh; that of the key if it names neither. Problem documents are English",
    )


def _header(name: str, schema: Json, meaning: str) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": meaning,
        "schema": schema,
    }


def _success(meaning: str, schema: Json) -> Json:
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def _problems(schema: Json, *statuses: int) -> Json:
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_TYPE: {"schema": schema}},
        }
        for status in statuses
    }
