"""Short messages through an HTTP gateway, spoken to as the operator's configuration says."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from services.notify.sendings.channels.adapter import ask, plain_code
from services.notify.sendings.domain import (
    SENT,
    Outcome,
    Parcel,
    Reason,
    Saying,
    Verdict,
    short_messages,
)
from services.notify.settings import SmsGateway

_PLACE = re.compile(r"\{([a-z_]+)\}")
_LIST = "{variable_list}"


class Sms:
    """Asks `gateway`."""

    gap_seconds = 0.0

    def __init__(self, client: httpx.AsyncClient, gateway: SmsGateway) -> None:
        self._client = client
        self._gateway = gateway

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """One each, or one for all where the gateway can say how many."""
        gateway = self._gateway
        counts = gateway.free_text or not gateway.templates.keys().isdisjoint(("COUNT", "*"))
        return short_messages(sayings, gateway.separate_at_most if counts else len(sayings))

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Send a registered text with its variables; the text itself only where that is allowed."""
        gateway, saying = self._gateway, parcel.saying
        template = gateway.templates.get(saying.template) or gateway.templates.get("*")
        if template is None and not gateway.free_text:
            return Outcome(Verdict.IMPOSSIBLE, Reason.NO_TEMPLATE)
        names = template.variables if template else []
        chosen = {name: saying.variables.get(name, "") for name in names}
        values = {
            **saying.variables,
            "mobile": address["mobile"],
            "template_id": template.id if template else "",
            "variables": json.dumps(chosen, ensure_ascii=False),
            "text": parcel.text if gateway.free_text else "",
        }
        body = _filled(gateway.body, values, list(chosen.values()))
        headers = {
            name: _filled(value.get_secret_value(), values, [])
            for name, value in gateway.headers.items()
        }
        answer = await ask(
            self._client,
            gateway.method,
            gateway.url,
            headers=headers,
            **{"data" if gateway.form else "json": body},
        )
        return self._judged(answer)

    def _judged(self, answer: Any) -> Outcome:
        if isinstance(answer, Outcome):
            return answer
        if not self._gateway.success_field:
            return SENT
        for name in self._gateway.success_field.split("."):
            if isinstance(answer, list):
                answer = answer[0] if answer else None
            answer = answer.get(name) if isinstance(answer, Mapping) else None
        if str(answer) == self._gateway.success_value:
            return SENT
        later = str(answer) in self._gateway.later_values
        return Outcome(Verdict.TEMPORARY if later else Verdict.REFUSED, plain_code(answer))


def _filled(form: Any, values: Mapping[str, str], listed: list[str]) -> Any:
    """`form` with its texts filled in; values go in after the form is read, so that none of them
    can become a part of it."""
    if isinstance(form, dict):
        return {name: _filled(inner, values, listed) for name, inner in form.items()}
    if isinstance(form, list):
        return [_filled(inner, values, listed) for inner in form]
    if form == _LIST:
        return listed
    if not isinstance(form, str):
        return form
    return _PLACE.sub(lambda match: values.get(match[1], ""), form)
