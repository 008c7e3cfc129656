// Stands for the library Pusher-ESP32. Where it would connect, and each frame that it would send, is a line on
// standard output, byte for byte; each line of standard input is a frame that it hears.
#pragma once
#include "Arduino.h"
#include <functional>
#include <iostream>
#include <map>

constexpr char connectionEvent[] = "pusher:connection_established";

class PusherService {
  std::map<std::string, std::function<void(const String &)>> handlers;
  void say(const std::string &line) {
    printf("%s\n", line.c_str());
    fflush(stdout);
  }

public:
  /** A flat JSON object, whose values it has as text. */
  class Message {
    std::string json;

  public:
    Message(const char *text) : json(text) {}
    String getItem(const char *name) {
      const std::string key = std::string("\"") + name + "\":";
      size_t at = json.find(key);
      if (at == std::string::npos) return "";
      at += key.size();
      std::string value;
      if (json[at] != '"') return json.substr(at, json.find_first_of(",}", at) - at);
      for (at++; json[at] != '"'; at++) value += json[at] == '\\' ? json[++at] : json[at];
      return value;
    }
  };

  String socket_id;

  PusherService(const char *key, const char *cluster, void (*)(const char *)) {
    say(std::string("connect ws://ws-") + cluster + ".pusher.com:80/app/" + key +
        "?client=js&version=7.0.3&protocol=5");
  }
  void registerEventHandler(const char *event, std::function<void(const String &)> handler) {
    handlers.emplace(event, handler); // the first one stays
  }
  void Subscribe(const char *channel, const String &signature = "") {
    const std::string rest = signature.empty() ? "}" : "," + signature.substr(1);
    say(std::string("send {\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"") + channel + "\"" + rest + "}");
  }
  void sendMessage(const char *event, const char *channel, const char *data) {
    say(std::string("send {\"event\":\"") + event + "\",\"channel\":\"" + channel + "\",\"data\":" + data + "}");
  }
  bool poll() {
    std::string frame;
    if (!std::getline(std::cin, frame)) exit(0);
    Message message(frame.c_str());
    const auto found = handlers.find(message.getItem("event"));
    if (found != handlers.end()) found->second(message.getItem("data"));
    return true;
  }
};
