"""For any order of lists, events and answers to own writes, the cache converges to the state of the server."""

import copy
from collections import defaultdict
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from toprung.kube.cache import Cache

NAMES = st.sampled_from(["a", "b", "c"])
OWNERS = st.sampled_from(["one", "two"])


@dataclass(frozen=True, slots=True)
class Row:
    owner: str
    name: str
    value: int


def convert(obj):
    return Row(obj["owner"], obj["metadata"]["name"], obj["value"])


class CacheMachine(RuleBasedStateMachine):
    """A server with a history, a client that sees it late, and writes of the client itself."""

    @initialize()
    def start(self):
        self.objects, self.version, self.history, self.position, self.values = {}, 0, [], 0, 0
        self.answers, self.requested_at, self.listed, self.lost = [], None, None, False
        self.reported = {}
        self.cache = Cache(convert=convert, index=lambda row: row.owner, on_change=self.on_change)
        self.newest_held = defaultdict(int)
        self.begin_list()
        self.take_snapshot()
        self.end_list()

    def on_change(self, key, old, new):
        assert old != new
        name = (old or new).name
        assert self.reported.get(name) == old
        assert all(row is None or row.owner == key for row in (old, new))
        if new is None:
            del self.reported[name]
        else:
            self.reported[name] = new

    @rule(name=NAMES, owner=OWNERS, ours=st.booleans())
    def write(self, name, owner, ours):
        known = name in self.objects
        self.version += 1
        self.values += 1
        obj = {
            "metadata": {"name": name, "resourceVersion": str(self.version)},
            "owner": owner,
            "value": self.values,
        }
        self.objects[name] = obj
        self.history.append({"type": "MODIFIED" if known else "ADDED", "object": obj})
        if ours:
            self.answers.append(obj)

    @rule(name=NAMES)
    def delete(self, name):
        if name in self.objects:
            self.version += 1
            obj = copy.deepcopy(self.objects.pop(name))
            obj["metadata"]["resourceVersion"] = str(self.version)
            self.history.append({"type": "DELETED", "object": obj})

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def receive_answer(self, data):
        self.cache.put(self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1))))

    @precondition(lambda self: self.requested_at is None and not self.lost)
    @rule()
    def receive_event(self):
        if self.position < len(self.history):
            self.cache.apply(self.history[self.position])
            self.position += 1
        elif self.version:
            self.cache.apply({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version)}}})

    @precondition(lambda self: self.requested_at is None)
    @rule()
    def begin_list(self):
        self.requested_at = self.cache.newest

    @precondition(lambda self: self.requested_at is not None and self.listed is None)
    @rule()
    def take_snapshot(self):
        self.listed = (dict(self.cache.entries(self.objects.values())), self.version, len(self.history))

    @precondition(lambda self: self.listed is not None)
    @rule()
    def end_list(self):
        entries, version, position = self.listed
        self.cache.replace(entries, version=str(version), requested_at=self.requested_at)
        self.position, self.requested_at, self.listed, self.lost = position, None, None, False

    @precondition(lambda self: self.requested_at is None and self.version > 1)
    @rule(data=st.data())
    def restore_the_server_from_a_backup(self, data):
        """Versions decrease and connections break. Answers to earlier writes have been received."""
        self.version = data.draw(st.integers(0, self.version - 1))
        names = data.draw(st.sets(st.sampled_from(sorted(self.objects)))) if self.objects else set()
        for name in names:
            del self.objects[name]
        for obj in self.objects.values():
            obj["metadata"]["resourceVersion"] = str(min(int(obj["metadata"]["resourceVersion"]), self.version))
        self.history, self.answers, self.position, self.lost = [], [], 0, True

    @invariant()
    def groups_match_the_reported_changes(self):
        rows = [row for owner in ("one", "two") for row in self.cache.of(owner)]
        assert {row.name: row for row in rows} == self.reported
        assert len(self.cache) == len(rows)
        assert [self.cache.get(None, row.name) for row in rows] == rows

    def teardown(self):
        """Check that the cache has the state of the server once everything has arrived."""
        if not hasattr(self, "cache"):
            return
        if self.lost and self.requested_at is None:
            self.begin_list()
        if self.requested_at is not None and self.listed is None:
            self.take_snapshot()
        if self.listed is not None:
            self.end_list()
        while self.position < len(self.history):
            self.receive_event()
        while self.answers:
            self.cache.put(self.answers.pop())
        assert {name: convert(obj) for name, obj in self.objects.items()} == self.reported


CacheMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestCache = CacheMachine.TestCase
