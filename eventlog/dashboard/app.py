"""Composes the dashboard: all routes behind the gate, as one ASGI app."""

from __future__ import annotations

from typing import Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from eventlog.dashboard import error_responses as answers
from eventlog.dashboard import persons_by_id
from eventlog.dashboard.api import doors as api_doors
from eventlog.dashboard.api import endpoints as api
from eventlog.dashboard.api import openapi, running
from eventlog.dashboard.gate import Gate
from eventlog.dashboard.pages import (
    account,
    alert_test,
    api_guide,
    decide,
    doors,
    event,
    event_files,
    faces,
    health,
    notify,
    people,
    person,
    proof,
    shared,
    timeline,
    today,
    tokens,
    two_step,
    unlocks,
    users,
)
from eventlog.dashboard.pages import picture as pictures
from eventlog.dashboard.pages import sign_in as login
from eventlog.dashboard.pages import templating as html
from eventlog.dashboard.server.limits import PICTURE_BYTES
from eventlog.dashboard.site import Site
from eventlog.errors import EventLogError

HANDLERS: Final[tuple[Any, ...]] = (
    timeline.timeline,
    timeline.more,
    timeline.live,
    today.today,
    today.mark_seen,
    shared.links,
    shared.share,
    shared.revoke,
    shared.form,
    shared.opened,
    event_files.as_csv,
    event_files.as_json,
    event.event,
    event.live,
    pictures.picture,
    proof.explained,
    proof.of_record,
    proof.verifier,
    pictures.small_picture,
    pictures.card_picture,
    doors.doors_page,
    doors.link,
    person.person,
    decide.decide,
    faces.faces,
    faces.face_picture,
    faces.name,
    people.people,
    people.name,
    unlocks.unlocks,
    unlocks.more,
    unlocks.as_csv,
    unlocks.as_json,
    health.status,
    alert_test.send_test,
    health.word,
    health.metrics,
    login.login_page,
    login.login,
    login.link_page,
    login.use_link,
    login.sign_out,
    login.sign_out_everywhere,
    account.account,
    account.end_session,
    account.change_password,
    notify.subscribe,
    notify.remove,
    users.listed,
    users.add,
    users.change_role,
    users.remove,
    users.end_session,
    users.security,
    two_step.start_two_step,
    two_step.turn_on_two_step,
    two_step.turn_off_two_step,
    tokens.add_token,
    tokens.revoke_token,
    api.events,
    api.event,
    api.persons,
    api.unlocks,
    api_doors.doors_api,
    api_doors.devices_api,
    api.stream,
    api.append,
    api.thumbnail,
    running.health,
    running.hook,
    running.test_channel,
    openapi.document,
    api_guide.guide,
    html.static,
)


def make_app(site: Site) -> Gate:
    """The dashboard over an open site."""
    app = Litestar(
        route_handlers=list(HANDLERS),
        state=State({"site": site}),
        openapi_config=None,
        logging_config=None,
        debug=False,
        request_max_body_size=PICTURE_BYTES,
        before_request=persons_by_id.redirected,
        exception_handlers={
            HTTPException: answers.of_http_error,
            EventLogError: answers.of_our_error,
            Exception: answers.of_any_error,
        },
    )
    return Gate(app, site)
