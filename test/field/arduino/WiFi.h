#pragma once
#include "Arduino.h"

enum { WL_CONNECTED };
struct {
  void begin(const char *, const char *) {}
  int status() { return WL_CONNECTED; }
} WiFi;
