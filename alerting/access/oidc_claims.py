"""Claims of an identity token as lists of texts, wherever a provider puts them."""

from collections.abc import Mapping


def claim_texts(
    claims: Mapping[str, object], name: str, names: Mapping[str, str] | None = None
) -> list[str]:
    """A claim as a list of texts, whether the provider sends a list or words in one text.

    Args:
        claims: of the identity token.
        name: of the claim; with dots it leads into objects, such as ``realm_access.roles``.
        names: from the provider's words to ours; they may contain blanks.
    """
    names = names or {}
    value = _claim(claims, name)
    if isinstance(value, str):
        value = [value] if value in names else value.split()
    if not isinstance(value, list):
        return []
    return [names.get(item, item) for item in value if isinstance(item, str)]


def _claim(claims: Mapping[str, object], name: str) -> object:
    """The claim of that very name, else the one that its dots lead to."""
    if name in claims:
        return claims[name]
    for place in (at for at, letter in enumerate(name) if letter == "."):
        inner = claims.get(name[:place])
        if isinstance(inner, dict):
            found = _claim(inner, name[place + 1 :])
            if found is not None:
                return found
    return None
