// Makes every call of pusher-http-go 4.0.1 to the server that the environment names.
// One line of output per check; ../run.ts says which, ../expected.ts what must arrive.
package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/pusher/pusher-http-go"
)

const (
	limit   = 10240
	room    = "presence-room"
	vault   = "private-encrypted-vault"
	odd     = "odd_-=@,.;1"
	unicode = `{"text": "Zoë 😀 \"quoted\" \u00e9 </b> a+b%20c"}`
)

var (
	socketID = os.Getenv("SOCKET_ID")
	client   = clientWith(os.Getenv("PUSHER_APP_ID"), os.Getenv("PUSHER_APP_KEY"), os.Getenv("PUSHER_APP_SECRET"))
)

func clientWith(appID, key, secret string) *pusher.Client {
	return &pusher.Client{
		AppID:                     appID,
		Key:                       key,
		Secret:                    secret,
		Host:                      os.Getenv("PUSHER_HOST") + ":" + os.Getenv("PUSHER_PORT"),
		Secure:                    os.Getenv("PUSHER_SCHEME") == "https",
		EncryptionMasterKeyBase64: os.Getenv("PUSHER_MASTER_KEY"),
	}
}

func main() {
	trigger()
	exclude()
	batch()
	encrypt()
	channels()
	channel()
	users()
	refusals()
	authorize()
	urls()
	done("Trigger end", client.Trigger("my-channel", "end", "13"))
}

func trigger() {
	done("Trigger object", client.Trigger("my-channel", "object", map[string]string{"hello": "world"}))
	done("Trigger text", client.Trigger("my-channel", "text", "not JSON"))
	done("Trigger bytes of UTF-8", client.Trigger("my-channel", "unicode", []byte(unicode)))
	done("Trigger event name beyond ASCII", client.Trigger("my-channel", "grüße 😀", "1"))
	done("Trigger empty data", client.Trigger("my-channel", "empty", ""))
	done("Trigger data of 10 KB", client.Trigger("my-channel", "largest", strings.Repeat("x", limit)))
	done("Trigger channel with punctuation", client.Trigger(odd, "odd", "2"))
	done("TriggerMulti", client.TriggerMulti([]string{"my-channel", room}, "many", map[string]int{"n": 3}))
	done("TriggerMulti 100 channels", client.TriggerMulti(names(100), "hundred", "4"))
}

func exclude() {
	done("TriggerExclusive", client.TriggerExclusive("my-channel", "others", "5", socketID))
	done("TriggerMultiExclusive", client.TriggerMultiExclusive([]string{"my-channel", room}, "others-many", "6", socketID))
}

func batch() {
	done("TriggerBatch", client.TriggerBatch([]pusher.Event{
		{Channel: "my-channel", Name: "batch-1", Data: "one"},
		{Channel: room, Name: "batch-2", Data: map[string]int{"n": 2}},
		{Channel: "my-channel", Name: "batch-3", Data: "three", SocketID: &socketID},
		{Channel: vault, Name: "batch-4", Data: `{"n":4}`},
	}))
	done("TriggerBatch of nothing", client.TriggerBatch([]pusher.Event{}))
}

func encrypt() {
	done("Trigger encrypted", client.Trigger(vault, "secret", `{"hello":"vault"}`))
}

func channels() {
	all, err := client.Channels(nil)
	is("Channels", all, err, pusher.ChannelsList{Channels: map[string]pusher.ChannelListItem{
		"my-channel": {}, odd: {}, room: {}, vault: {},
	}})
	prefixed, err := client.Channels(map[string]string{"filter_by_prefix": "odd_-=@,.;"})
	is("Channels filter_by_prefix", prefixed, err, pusher.ChannelsList{Channels: map[string]pusher.ChannelListItem{odd: {}}})
	none, err := client.Channels(map[string]string{"filter_by_prefix": "nothing-"})
	is("Channels none", none, err, pusher.ChannelsList{Channels: map[string]pusher.ChannelListItem{}})
	counted, err := client.Channels(map[string]string{"filter_by_prefix": "presence-", "info": "user_count"})
	is("Channels user_count", counted, err, pusher.ChannelsList{Channels: map[string]pusher.ChannelListItem{room: {UserCount: 2}}})
	_, err = client.Channels(map[string]string{"info": "user_count"})
	refused("Channels user_count without presence prefix", err, "Status Code: 400 - user_count")
}

func channel() {
	plain, err := client.Channel("my-channel", nil)
	is("Channel", plain, err, pusher.Channel{Name: "my-channel", Occupied: true})
	counted, err := client.Channel(room, map[string]string{"info": "user_count,subscription_count"})
	is("Channel info", counted, err, pusher.Channel{Name: room, Occupied: true, UserCount: 2, SubscriptionCount: 3})
	punctuated, err := client.Channel(odd, map[string]string{"info": "subscription_count"})
	is("Channel with punctuation", punctuated, err, pusher.Channel{Name: odd, Occupied: true, SubscriptionCount: 2})
	empty, err := client.Channel("presence-empty", map[string]string{"info": "user_count"})
	is("Channel that is empty", empty, err, pusher.Channel{Name: "presence-empty"})
	_, err = client.Channel("my-channel", map[string]string{"info": "user_count"})
	refused("Channel user_count of a public channel", err, "Status Code: 400 - ")
}

func users() {
	present, err := client.GetChannelUsers(room)
	if err == nil {
		sort.Slice(present.List, func(a, b int) bool { return present.List[a].ID < present.List[b].ID })
	}
	is("GetChannelUsers", present, err, pusher.Users{List: []pusher.User{{ID: "1"}, {ID: "2"}}})
	nobody, err := client.GetChannelUsers("presence-empty")
	is("GetChannelUsers of nobody", nobody, err, pusher.Users{List: []pusher.User{}})
	_, err = client.GetChannelUsers("my-channel")
	refused("GetChannelUsers of a public channel", err, "Status Code: 400 - ")
}

func refusals() {
	stranger := clientWith(client.AppID, client.Key, "wrong")
	refused("Trigger with a wrong secret", stranger.Trigger("my-channel", "no", ""), "Status Code: 401 - Invalid signature")
	_, err := stranger.Channels(nil)
	refused("Channels with a wrong secret", err, "Status Code: 401 - Invalid signature")
	stranger = clientWith(client.AppID, "unknown", client.Secret)
	refused("Trigger with an unknown key", stranger.Trigger("my-channel", "no", ""), "Status Code: 401 - ")
	stranger = clientWith("404", client.Key, client.Secret)
	refused("Trigger for an unknown app", stranger.Trigger("my-channel", "no", ""), "Status Code: 404 - ")
	refused("Trigger a reserved event", client.Trigger("my-channel", "pusher:no", ""), "Status Code: 400 - ")
	refused("Trigger an event name too long", client.Trigger("my-channel", strings.Repeat("n", 201), ""), "Status Code: 400 - ")
	refused("Trigger data above 10 KB", client.Trigger("my-channel", "no", strings.Repeat("x", limit+1)), "10kb")
	refused("TriggerMulti 101 channels", client.TriggerMulti(names(101), "no", ""), "100 channels")
	refused("TriggerBatch 11 events", client.TriggerBatch(make11()), "Status Code: 400 - ")
}

func make11() []pusher.Event {
	events := make([]pusher.Event, 11)
	for index := range events {
		events[index] = pusher.Event{Channel: "my-channel", Name: "no", Data: ""}
	}
	return events
}

func authorize() {
	auth, err := client.AuthenticatePrivateChannel(authRequest("private-sdk"))
	signed("AuthenticatePrivateChannel", "private-sdk", auth, err)
	member := pusher.MemberData{UserID: "7", UserInfo: map[string]string{"name": `Zoë "Z"`}}
	auth, err = client.AuthenticatePresenceChannel(authRequest("presence-sdk"), member)
	signed("AuthenticatePresenceChannel", "presence-sdk", auth, err)
	auth, err = client.AuthenticatePrivateChannel(authRequest("private-encrypted-sdk"))
	signed("AuthenticatePrivateChannel encrypted", "private-encrypted-sdk", auth, err)
}

func urls() {
	fromURL, err := pusher.ClientFromURL(os.Getenv("PUSHER_URL"))
	if err == nil {
		err = fromURL.Trigger("my-channel", "from-url", "11")
	}
	done("ClientFromURL", err)
	fromEnv, err := pusher.ClientFromEnv("PUSHER_URL")
	if err == nil {
		err = fromEnv.Trigger("my-channel", "from-env", "12")
	}
	done("ClientFromEnv", err)
}

// Channel names; the first is the one that is listened to.
func names(count int) []string {
	list := []string{"my-channel"}
	for len(list) < count {
		list = append(list, fmt.Sprintf("channel-%d", len(list)))
	}
	return list
}

// The form that a client posts to its application.
func authRequest(channel string) []byte {
	return []byte(url.Values{"socket_id": {socketID}, "channel_name": {channel}}.Encode())
}

func report(good bool, name string, got any) {
	if good {
		fmt.Printf("ok %s\n", name)
	} else {
		fmt.Printf("not ok %s: %s\n", name, strings.TrimSpace(strings.ReplaceAll(fmt.Sprint(got), "\n", " ")))
	}
}

func done(name string, err error) {
	report(err == nil, name, err)
}

func refused(name string, err error, text string) {
	report(err != nil && strings.Contains(err.Error(), text), name, err)
}

func is[T any](name string, got *T, err error, want T) {
	if err != nil {
		report(false, name, err)
		return
	}
	text, _ := json.Marshal(got)
	report(reflect.DeepEqual(*got, want), name, string(text))
}

func signed(name, channel string, auth []byte, err error) {
	done(name, err)
	if err == nil {
		fmt.Printf("auth %s %s\n", channel, auth)
	}
}
