"""
Makes every call of the `pusher` package to the server that the environment names.
One line of output per check; ../run.ts says which, ../expected.ts what must arrive.
"""

import json
import os

import pusher
import pusher.requests
from pusher.errors import PusherBadAuth, PusherBadRequest, PusherBadStatus

LIMIT = 10240
ROOM = "presence-room"
VAULT = "private-encrypted-vault"
ODD = "odd_-=@,.;1"
UNICODE = '{"text": "Zoë 😀 \\"quoted\\" \\u00e9 </b> a+b%20c"}'

HOST = os.environ["PUSHER_HOST"]
PORT = int(os.environ["PUSHER_PORT"])
APP_ID = os.environ["PUSHER_APP_ID"]
KEY = os.environ["PUSHER_APP_KEY"]
SECRET = os.environ["PUSHER_APP_SECRET"]
MASTER_KEY = os.environ["PUSHER_MASTER_KEY"]
SOCKET_ID = os.environ["SOCKET_ID"]


def client_with(app_id, key, secret):
    return pusher.Pusher(
        app_id=app_id,
        key=key,
        secret=secret,
        ssl=os.environ["PUSHER_SCHEME"] == "https",
        host=HOST,
        port=PORT,
        encryption_master_key_base64=MASTER_KEY,
    )


# The package trusts the authorities of a file of its own and nobody else.
pusher.requests.CERT_PATH = os.environ["CERT_FILE"]

client = client_with(APP_ID, KEY, SECRET)


def trigger():
    equals("trigger object", {}, client.trigger, "my-channel", "object", {"hello": "world"})
    equals("trigger text", {}, client.trigger, "my-channel", "text", "not JSON")
    equals("trigger text beyond ASCII", {}, client.trigger, "my-channel", "unicode", UNICODE)
    equals("trigger event name beyond ASCII", {}, client.trigger, "my-channel", "grüße 😀", "1")
    equals("trigger empty data", {}, client.trigger, "my-channel", "empty", "")
    equals("trigger data of 10 KB", {}, client.trigger, "my-channel", "largest", "x" * LIMIT)
    equals("trigger channel with punctuation", {}, client.trigger, ODD, "odd", "2")
    equals("trigger two channels", {}, client.trigger, ["my-channel", ROOM], "many", {"n": 3})
    equals("trigger 100 channels", {}, client.trigger, names(100), "hundred", "4")


def exclude():
    equals("trigger socket id", {}, client.trigger, "my-channel", "others", "5", SOCKET_ID)
    channels = ["my-channel", ROOM]
    equals("trigger two channels, socket id", {}, client.trigger, channels, "others-many", "6", SOCKET_ID)


def batch():
    events = [
        {"channel": "my-channel", "name": "batch-1", "data": "one"},
        {"channel": ROOM, "name": "batch-2", "data": {"n": 2}},
        {"channel": "my-channel", "name": "batch-3", "data": "three", "socket_id": SOCKET_ID},
        {"channel": VAULT, "name": "batch-4", "data": '{"n":4}'},
    ]
    equals("trigger_batch", {}, client.trigger_batch, events)
    equals("trigger_batch of nothing", {}, client.trigger_batch, [])
    counts = "user_count,subscription_count"
    events = [
        {"channel": ROOM, "name": "informed-1", "data": "9", "info": counts},
        {"channel": "my-channel", "name": "informed-2", "data": "10"},
    ]
    counted = {"batch": [{"user_count": 2, "subscription_count": 3}, {}]}
    equals("trigger_batch info", counted, client.trigger_batch, events, True)


def encrypt():
    equals("trigger encrypted", {}, client.trigger, VAULT, "secret", '{"hello":"vault"}')


def to_user():
    equals("send_to_user", {}, client.send_to_user, "user-1", "hello", "14")


def channels_info():
    everything = {"channels": {"my-channel": {}, ODD: {}, ROOM: {}, VAULT: {}}}
    equals("channels_info", everything, client.channels_info)
    equals("channels_info prefix", {"channels": {ODD: {}}}, client.channels_info, "odd_-=@,.;")
    equals("channels_info none", {"channels": {}}, client.channels_info, "nothing-")
    counted = {"channels": {ROOM: {"user_count": 2}}}
    equals("channels_info user_count", counted, client.channels_info, "presence-", ["user_count"])
    name = "channels_info user_count without presence prefix"
    refused(name, PusherBadRequest, "user_count", client.channels_info, None, ["user_count"])


def channel_info():
    counts = ["user_count", "subscription_count"]
    equals("channel_info", {"occupied": True}, client.channel_info, "my-channel")
    counted = {"occupied": True, "user_count": 2, "subscription_count": 3}
    equals("channel_info attributes", counted, client.channel_info, ROOM, counts)
    punctuated = {"occupied": True, "subscription_count": 2}
    equals("channel_info with punctuation", punctuated, client.channel_info, ODD, counts[1:])
    empty = {"occupied": False, "user_count": 0, "subscription_count": 0}
    equals("channel_info that is empty", empty, client.channel_info, "presence-empty", counts)
    name = "channel_info user_count of a public channel"
    refused(name, PusherBadRequest, "", client.channel_info, "my-channel", counts)


def users_info():
    def sorted_users(channel):
        answer = client.users_info(channel)
        return {**answer, "users": sorted(answer["users"], key=lambda user: user["id"])}

    equals("users_info", {"users": [{"id": "1"}, {"id": "2"}]}, sorted_users, ROOM)
    equals("users_info of nobody", {"users": []}, client.users_info, "presence-empty")
    refused("users_info of a public channel", PusherBadRequest, "", client.users_info, "my-channel")


def refusals():
    stranger = client_with(APP_ID, KEY, "wrong")
    signature = "Invalid signature"
    refused("trigger with a wrong secret", PusherBadAuth, signature, stranger.trigger, "my-channel", "no", "")
    refused("channels_info with a wrong secret", PusherBadAuth, signature, stranger.channels_info)
    stranger = client_with(APP_ID, "unknown", SECRET)
    refused("trigger with an unknown key", PusherBadAuth, "", stranger.trigger, "my-channel", "no", "")
    stranger = client_with("404", KEY, SECRET)
    refused("trigger for an unknown app", PusherBadStatus, "404: ", stranger.trigger, "my-channel", "no", "")
    refused("trigger a reserved event", PusherBadRequest, "", client.trigger, "my-channel", "pusher:no", "")
    refused("trigger an event name too long", ValueError, "too long", client.trigger, "my-channel", "n" * 201, "")
    # The package draws the line at 30 KB in memory, so the first is the server's refusal.
    data = "x" * (LIMIT + 1)
    refused("trigger data above the server's limit", PusherBadStatus, "413: ", client.trigger, "my-channel", "no", data)
    refused("trigger data above 30 KB", ValueError, "Too much data", client.trigger, "my-channel", "no", data * 3)
    event = {"channel": "my-channel", "name": "no", "data": data}
    refused("trigger_batch data above 10 KB", ValueError, "Too much data", client.trigger_batch, [dict(event)])
    encoded = [event, {**event, "data": ""}]
    refused("trigger_batch data above the server's limit", PusherBadStatus, "413: ", client.trigger_batch, encoded, True)
    eleven = [{**event, "data": ""} for _ in range(11)]
    refused("trigger_batch 11 events", PusherBadRequest, "", client.trigger_batch, eleven)
    refused("trigger 101 channels", ValueError, "Too many channels", client.trigger, names(101), "no", "")
    weather = [{**event, "data": "", "info": "weather"}]
    refused("trigger_batch info unknown", PusherBadRequest, "weather", client.trigger_batch, weather)


def authenticate():
    signed("authenticate private", "private-sdk")
    signed("authenticate presence", "presence-sdk", {"user_id": "7", "user_info": {"name": 'Zoë "Z"'}})
    signed("authenticate encrypted", "private-encrypted-sdk")


def urls():
    # The package wants the port beside the URL, not in it.
    def from_url():
        return pusher.Pusher.from_url(os.environ["PUSHER_URL"], host=HOST, port=PORT)

    def from_env():
        return pusher.Pusher.from_env("PUSHER_URL", host=HOST, port=PORT)

    equals("from_url", {}, lambda: from_url().trigger("my-channel", "from-url", "11"))
    equals("from_env", {}, lambda: from_env().trigger("my-channel", "from-env", "12"))


def names(count):
    """Channel names; the first is the one that is listened to."""
    return ["my-channel"] + [f"channel-{number}" for number in range(1, count)]


def report(good, name, got):
    print(f"ok {name}" if good else f"not ok {name}: {' '.join(str(got).split())}")


def equals(name, wanted, call, *args):
    try:
        got = call(*args)
    except Exception as error:
        got = repr(error)
    report(got == wanted, name, got)


def refused(name, kind, text, call, *args):
    try:
        report(False, name, call(*args))
    except Exception as error:
        report(isinstance(error, kind) and text in str(error), name, repr(error))


def signed(name, channel, member=None):
    auth = client.authenticate(channel, SOCKET_ID, member)
    report(auth["auth"].startswith(f"{KEY}:"), name, auth)
    print("auth", channel, json.dumps(auth, default=lambda value: value.decode()))


trigger()
exclude()
batch()
encrypt()
to_user()
channels_info()
channel_info()
users_info()
refusals()
authenticate()
urls()
equals("trigger end", {}, client.trigger, "my-channel", "end", "13")
