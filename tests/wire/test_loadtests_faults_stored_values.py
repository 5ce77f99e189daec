"""What the fault runs do to stored features, on a real Redis."""

import redis

from gateway.testing.redis_server import RedisServer
from loadtests.faults.stored_values import break_types, delete_every_second, play

CARDS = [b"card_id%d" % number for number in range(10)]


def filled() -> tuple[RedisServer, redis.Redis]:
    server = RedisServer()
    client = redis.Redis(port=server.port)
    for key in (*CARDS, b"somebody else's"):
        client.hset(key, mapping={b"value": b"\x28\x01", b"_ts:view": b"\x08\x01"})  # type: ignore[arg-type]
    return server, client


def test_every_second_hash_of_frauds_entities_goes() -> None:
    server, client = filled()
    assert play(client, delete_every_second(client)) == 5
    assert client.dbsize() == 6
    assert client.exists("somebody else's")
    server.close()


def test_values_become_strings_and_event_times_stay() -> None:
    server, client = filled()
    assert play(client, break_types(client)) == 10
    assert client.hgetall("card_id3") == {b"value": b"\x12\x01x", b"_ts:view": b"\x08\x01"}
    assert client.hget("somebody else's", "value") == b"\x28\x01"
    client.close()
    server.close()
