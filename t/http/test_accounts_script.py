"""The script that Redis runs for accounts that several gateways share: random histories of workers against one simple model.

Time is a key of the server here, so that a minute passes at once."""

import random
import re

import pytest
from harness.redis import Redis

LEASE = 4000
MINUTE = 61
START = 1_800_000_000
ACCOUNTS = ("aa", "bb", "cc")
PREFIX = "ig:{aa}:"


@pytest.fixture(scope="module")
def redis():
    server = Redis()
    yield server
    server.finish()


@pytest.fixture
def world(redis, project):
    source = (project / "src/redis/accounts_script.cc").read_text()
    script = re.search(r'R"lua\(\n(.*?)\)lua"', source, re.DOTALL)[1]
    assert script.count("call('TIME')") == 1
    script = script.replace("call('TIME')", "call('LRANGE', 'time', 0, 1)")
    client = redis.client()
    client("FLUSHALL")
    world = World(client, client("SCRIPT", "LOAD", script))
    world.opens()
    yield world
    client.close()


class World:
    def __init__(self, client, script):
        self.client, self.script, self.run_id = client, script, "run1"
        self.now = START * 1000
        self.set_time()

    def set_time(self):
        self.client("DEL", "time")
        self.client("RPUSH", "time", self.now // 1000, self.now % 1000 * 1000)

    def wait(self, milliseconds, alive=("beater",)):
        """Time passes, and these workers are heard of all the while."""
        end = self.now + milliseconds
        while self.now < end:
            self.now = min(end, self.now + LEASE // 4)
            self.set_time()
            for worker in alive:
                self.run("renew", worker)

    def opens(self):
        assert self.run("enter", "x", "x.0", party())[0] == "closed"
        self.wait(LEASE)

    def run(self, operation, worker, id="", *arguments):
        return self.client("EVALSHA", self.script, 2, "ig:server", PREFIX, self.run_id, operation, worker, LEASE, id, *arguments)

    def put(self, worker, id, state, used=0, spent=0, parties=(), entered=0, reservations="", held=0):
        return self.run("put", worker, id, state, entered, reservations, held, used, spent, *parties)

    def field(self, account, field):
        return int(self.client("HGET", PREFIX + account, field) or 0)


def party(account="aa", concurrent=0, requests=0, images=0, day=0, record=0, budgets=()):
    numbers = [concurrent, requests, images, day, 0 if record else 3600, record]
    for period, money in budgets:
        numbers += [period, money]
    return ",".join([account, *map(str, numbers)])


def test_all_parties_count_or_none(world):
    both = [party("aa", requests=5), party("bb", requests=1)]
    assert world.run("enter", "w", "w.1", *both)[0] == "ok"
    assert world.run("enter", "w", "w.2", *both)[:3] == ["limit", 2, 1]
    assert sum(int(value) for field, value in pairs(world, "aa") if field.startswith("r")) == 1


def pairs(world, account):
    flat = world.client("HGETALL", PREFIX + account)
    return list(zip(flat[::2], flat[1::2]))


def test_what_is_said_twice_counts_once(world):
    one = party("aa", concurrent=9, requests=9, images=9, record=1, budgets=[(4, 1000)])
    for _ in range(2):
        assert world.run("enter", "w", "w.1", one)[2] == 1
    for _ in range(2):
        assert world.run("reserve", "w", "w.1", 1, 2, 100, one)[4] == 2
    assert (world.field("aa", "c"), world.field("aa", "h")) == (1, 100)
    for _ in range(3):
        world.put("w", "w.1", "closed", used=1, spent=60, parties=[one])
    assert (world.field("aa", "c"), world.field("aa", "h"), world.field("aa", "s4")) == (0, 0, 60)
    assert world.run("enter", "w", "w.2", one)[2:] == [2, 61, 1, 61, 1]


def test_what_comes_after_its_end_does_nothing(world):
    one = party("aa", concurrent=1, requests=9)
    world.put("w", "w.1", "undone", parties=[one])
    assert world.run("enter", "w", "w.1", one) == ["gone"]
    assert pairs(world, "aa") == []


def test_a_dead_worker_loses_its_slots_within_a_lease_and_its_money_counts_as_spent(world):
    one = party("aa", concurrent=1, record=1, budgets=[(4, 1000)])
    assert world.run("enter", "dead", "dead.1", one)[0] == "ok"
    assert world.run("reserve", "dead", "dead.1", 1, 1, 300, one)[0] == "ok"
    assert world.run("enter", "w", "w.1", one)[:3] == ["limit", 1, 0]
    world.wait(LEASE + 100)
    assert world.run("enter", "w", "w.2", one)[0] == "ok"
    assert (world.field("aa", "h"), world.field("aa", "s4")) == (0, 300)
    # It was not dead: what it says later is what counts.
    world.put("dead", "dead.1", "closed", used=1, spent=120, parties=[one])
    assert (world.field("aa", "c"), world.field("aa", "s4")) == (1, 120)


def test_who_was_taken_for_dead_takes_again_what_it_holds(world):
    one = party("aa", concurrent=2, record=1, budgets=[(0, 1000), (4, 1000)])
    world.run("enter", "late", "late.1", one), world.run("reserve", "late", "late.1", 1, 1, 300, one)
    world.wait(LEASE + 100)
    world.run("enter", "w", "w.1", one)
    assert world.run("renew", "late") == ["open", 0]
    for _ in range(2):
        world.put("late", "late.1", "open", parties=[one], held=300, reservations=f"1,{START},1")
    assert (world.field("aa", "c"), world.field("aa", "h"), world.field("aa", "s4")) == (2, 300, 0)


def test_nobody_seems_dead_after_a_pause_of_the_server(world):
    one = party("aa", concurrent=1)
    world.run("enter", "paused", "paused.1", one)
    world.wait(10 * LEASE, alive=())
    assert world.run("enter", "w", "w.1", one)[:3] == ["limit", 1, 0]


def test_another_process_grants_nothing_for_a_lease_and_is_told_what_is_open(world):
    one = party("aa", concurrent=1, requests=2, record=1, budgets=[(4, 1000)])
    world.run("enter", "w", "w.1", one)
    world.client("FLUSHALL")
    world.run_id = "run2"
    world.set_time()
    assert world.run("enter", "v", "v.1", one)[0] == "closed"
    world.put("w", "w.1", "open", parties=[one], held=200, entered=START)
    world.put("w", "w.0", "closed", used=0, spent=700, parties=[one], entered=START)
    world.wait(LEASE, alive=("w",))
    assert world.run("enter", "v", "v.2", one)[:3] == ["limit", 1, 0]
    world.put("w", "w.1", "closed", spent=200, parties=[one])
    assert world.run("enter", "v", "v.3", one)[:3] == ["limit", 1, 1]
    assert (world.field("aa", "s4"), world.field("aa", "h")) == (900, 0)


def test_months_are_those_of_the_calendar(world):
    import datetime
    one = party("aa", record=1, requests=1000, budgets=[(3, 10**9)])
    for number, text in enumerate(("2024-02-29T23:59:59", "2024-03-01T00:00:00", "2100-02-28T12:00:00", "1999-12-31T23:59:59")):
        moment = datetime.datetime.fromisoformat(text + "+00:00")
        world.client("DEL", PREFIX + "aa")
        world.now = int(moment.timestamp()) * 1000
        world.set_time()
        world.put("w", f"w.{number}", "closed", spent=5, parties=[one])
        assert world.field("aa", "n3") == (moment.year - 1970) * 12 + moment.month - 1
        assert world.field("aa", "n2") == (int(moment.timestamp()) // 86400 + 3) // 7


# A random history


class Model:
    """Counts by going through everything that ever happened."""

    def __init__(self):
        self.requests, self.images, self.spent = {}, {}, 0
        self.open = {}

    def in_minute(self, events, account, now):
        return sum(count for second, count in events.get(account, ()) if now - second < MINUTE)

    def on_day(self, account, now):
        return sum(count for second, count in self.images.get(account, ()) if second // 86400 == now // 86400)

    def running(self, account):
        return sum(account in request["accounts"] for request in self.open.values())

    def held(self):
        return sum(request["held"] for request in self.open.values())


LIMITS = {"aa": {"concurrent": 6, "requests": 25, "images": 40, "day": 900}, "bb": {"concurrent": 3, "requests": 9, "images": 14},
          "cc": {"requests": 12, "images": 20, "day": 200}}
BUDGET = 60_000


@pytest.mark.parametrize("seed", range(4))
def test_any_interleaving_of_three_gateways_agrees_with_a_simple_model(world, seed):
    draw = random.Random(seed)
    model, next_id, refused, admitted = Model(), 0, 0, 0
    workers = ["one", "two", "three"]
    lines = {account: party(account, record=account == "aa", budgets=[(4, BUDGET)] if account == "aa" else (), **limits)
             for account, limits in LIMITS.items()}

    def again(*call):
        """Messages may come twice."""
        reply = world.run(*call)
        return world.run(*call) if reply[0] == "ok" and draw.random() < 0.2 else reply

    for _ in range(1500):
        now = world.now // 1000
        step = draw.random()
        if step < 0.4:
            accounts = draw.choice((["aa"], ["aa", "bb"], ["aa", "cc"]))
            worker = draw.choice(workers)
            next_id += 1
            id = f"{worker}.{next_id}"
            may = all(model.running(one) < LIMITS[one].get("concurrent", 10**9)
                      and model.in_minute(model.requests, one, now) < LIMITS[one]["requests"] for one in accounts)
            may = may and BUDGET - model.spent - model.held() > 0
            reply = again("enter", worker, id, *(lines[one] for one in accounts))
            assert (reply[0] == "ok") == may, (reply, model.spent)
            if may:
                admitted += 1
                for one in accounts:
                    model.requests.setdefault(one, []).append((now, 1))
                model.open[id] = {"accounts": accounts, "worker": worker, "held": 0, "images": [], "entered": now, "steps": 0}
            else:
                refused += 1
        elif step < 0.7 and model.open:
            id = draw.choice(list(model.open))
            request = model.open[id]
            images, money = draw.randint(1, 4), draw.choice((0, 0, 500, 2500))
            may = all(model.in_minute(model.images, one, now) + images <= LIMITS[one]["images"]
                      and model.on_day(one, now) + images <= LIMITS[one].get("day", 10**9) for one in request["accounts"])
            may = may and (money == 0 or BUDGET - model.spent - model.held() >= money)
            request["steps"] += 1
            reply = again("reserve", request["worker"], id, request["steps"], images, money,
                          *(lines[one] for one in request["accounts"]))
            assert (reply[0] == "ok") == may, reply
            if may:
                request["held"] += money
                request["images"].append((request["steps"], now, images))
                for one in request["accounts"]:
                    model.images.setdefault(one, []).append((now, images))
        elif step < 0.9 and model.open:
            id = draw.choice(list(model.open))
            request = model.open.pop(id)
            total = sum(images for _, _, images in request["images"])
            used, spent = draw.randint(0, total), draw.choice((0, request["held"], request["held"] // 2))
            state = "undone" if total == 0 and draw.random() < 0.3 else "closed"
            spent = 0 if state == "undone" else spent
            model.spent += spent
            for one in request["accounts"]:
                if state == "undone":
                    model.requests[one].remove((request["entered"], 1))
                unused = total - used
                for _, second, images in reversed(request["images"]):
                    model.images[one].append((second, -min(unused, images)))
                    unused -= min(unused, images)
            again("put", request["worker"], id, state, request["entered"],
                  ",".join(f"{a},{b},{c}" for a, b, c in request["images"]), request["held"], used, spent,
                  *(lines[one] for one in request["accounts"]))
        else:
            world.wait(draw.choice((10, 400, 1500, 9000)), alive=workers)
        assert world.field("aa", "s4") == model.spent and world.field("aa", "h") == model.held()
        assert world.field("aa", "c") == model.running("aa")
    assert refused > 50 and admitted > 150
