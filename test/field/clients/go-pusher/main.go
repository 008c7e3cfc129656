// Subscribes to `room` with go-pusher, and prints what happens, a line each. It is avdva's fork, which is a module and
// has toorop's types: `data` is a string, and nothing is read after a message that has an object there (toorop's
// number 12).
package main

import (
	"fmt"
	"os"

	pusher "github.com/avdva/go-pusher"
)

func main() {
	client, err := pusher.NewCustomClient(os.Getenv("PUSHER_APP_KEY"), "127.0.0.1:"+os.Getenv("PUSHER_PORT"), "ws")
	if err != nil {
		fmt.Println("refused", err)
		return
	}
	succeeded, _ := client.Bind("pusher_internal:subscription_succeeded")
	events, _ := client.Bind("e")
	if client.Subscribe("room") != nil {
		fmt.Println("deaf")
		return
	}
	for {
		select {
		case event, open := <-succeeded:
			if !open {
				fmt.Println("deaf")
				return
			}
			fmt.Println("subscribed room", event.Data)
		case event, open := <-events:
			if !open {
				fmt.Println("deaf")
				return
			}
			fmt.Println("event e", event.Data)
		}
	}
}
