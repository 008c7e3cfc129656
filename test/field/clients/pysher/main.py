"""Subscribes to `room` with pysher, and prints what happens, a line each. Resubscribing is the library's."""

import os

import pysher

client = pysher.Pusher(
    os.environ["PUSHER_APP_KEY"],
    custom_host="127.0.0.1",
    port=int(os.environ["PUSHER_PORT"]),
    secure=False,
    reconnect_interval=1,
    auto_sub=True,
)


def tell(*words):
    print(*words, flush=True)


def connected(_):
    if "room" in client.channels:
        return
    room = client.subscribe("room")
    room.bind("pusher_internal:subscription_succeeded", lambda _: tell("subscribed room"))
    room.bind("e", lambda data: tell("event e", data))


client.connection.bind("pusher:connection_established", connected)
client.connect()
client.connection.join()
tell("gave up")
