"""The pages of the settings say of each what it is."""

import re

from forewarn.platform.settings import AlertingOptions
from forewarn.reference.settings_page import sections, settings_of


def test_the_meaning_of_a_setting_names_the_thing() -> None:
    """`of every keyed topic` leaves the noun to its reader."""
    texts = [
        (name, field.description or "")
        for each in sections()
        for name, field in settings_of(each).items()
    ]
    for table in AlertingOptions.model_fields.values():
        assert table.annotation is not None
        texts += [
            (name, field.description) for name, field in table.annotation.model_fields.items()
        ]
    begins = re.compile(r"(of|for|from|between|before|after|without) ")
    assert not [f"{name}: {text}" for name, text in texts if begins.match(text)]
