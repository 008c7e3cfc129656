// Stands for the library "WebSockets": prints where a sketch connects to.
#pragma once
#include "Arduino.h"

enum WStype_t { WStype_TEXT };
struct WebSocketsClient {
  void onEvent(void (*)(WStype_t, uint8_t *, size_t)) {}
  void setReconnectInterval(unsigned long) {}
  void begin(const char *host, uint16_t port, const char *path) {
    printf("[\"%s\",%d,\"%s\"]\n", host, port, path);
  }
  void beginSSL(const char *host, uint16_t port, const char *path) { begin(host, port, path); }
  bool sendTXT(const char *) { return true; }
  void loop() {}
};
