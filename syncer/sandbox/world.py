"""The sandbox: a strict stand-in for Spotify's accounts service and Web API, all in this process."""

import json
import time
from collections.abc import Callable

from syncer.sandbox import api
from syncer.sandbox.accounts import Accounts
from syncer.sandbox.ask import Exchange
from syncer.sandbox.exchange import HttpAnswer, HttpRequest, finished
from syncer.sandbox.faults import Fault, Injected, Proceed
from syncer.sandbox.scene import Scene
from syncer.sandbox.things import Call


class World(Scene):
    """A scene with a door. It follows docs/spotify-web-api.md, and refuses what Spotify refuses.

    Nothing in it sleeps or looks at a clock but *now*. It may be asked from several threads.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(now)
        self._accounts = Accounts(self)
        self._faults: list[Injected] = []

    def inject(self, fault: Fault) -> Injected:
        """Let *fault* happen from now on; an earlier fault is met before a later one."""
        with self.lock:
            made = Injected(fault)
            self._faults.append(made)
            return made

    def heal(self) -> None:
        """End all faults. What is under way already, such as a late add, still happens."""
        with self.lock:
            self._faults.clear()

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Receive *request*, record it and answer it. The one door to everything."""
        with self.lock:
            self.settle()
            at = self.now()
            call = _received(request, at)
            self.history.append(call)
            answer = self._through(self._striking(request, call), Exchange(request=request, call=call, at=at))
            call.status = answer.status
            call.effect = answer.effect.kind if answer.effect else None
            return finished(answer, at)

    def _striking(self, request: HttpRequest, call: Call) -> list[Injected]:
        """Return the faults in the way of *request*. Each counts it, whatever the others do to it."""
        if not self._faults:
            return []
        striking = [injected for injected in self._faults if injected.strikes(request)]
        call.faults = tuple(injected.fault.kind for injected in striking)
        return striking

    def _through(self, faults: list[Injected], asked: Exchange) -> HttpAnswer:
        """Answer through *faults*, the first of them outermost."""
        proceed: Proceed = self._carry_out
        for injected in reversed(faults):
            proceed = _wrapped(self, injected, proceed)
        return proceed(asked)

    def _carry_out(self, asked: Exchange) -> HttpAnswer:
        return api.answer(self, asked) if asked.request.is_api else self._accounts.answer(asked)


def _wrapped(world: World, injected: Injected, proceed: Proceed) -> Proceed:
    return lambda asked: injected.carry_out(world, asked, proceed)


def _received(request: HttpRequest, at: float) -> Call:
    return Call(
        at=at,
        host=request.host,
        method=request.method,
        path=request.path,
        query=request.query,
        uris=_uris(request),
    )


def _uris(request: HttpRequest) -> tuple[str, ...]:
    """Return the URIs that the body of *request* names, as far as it can be read."""
    if not request.body or not request.is_api:
        return ()
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return ()
    listed = (body.get("uris") or body.get("items")) if isinstance(body, dict) else body
    if not isinstance(listed, list):
        return ()
    found = (item.get("uri") if isinstance(item, dict) else item for item in listed)
    return tuple(uri for uri in found if isinstance(uri, str))
