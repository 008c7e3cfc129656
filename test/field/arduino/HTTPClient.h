// A request is a line on standard output; its answer's status and body are the next line of standard input.
#pragma once
#include "Arduino.h"
#include <iostream>

class HTTPClient {
  std::string url, headers, answer;

public:
  void begin(const char *to) { url = to; }
  void addHeader(const String &name, const String &value) { headers += name + ": " + value + "\t"; }
  int POST(const String &body) {
    printf("POST %s\t%s%s\n", url.c_str(), headers.c_str(), body.c_str());
    fflush(stdout);
    int status = 0;
    std::cin >> status;
    std::getline(std::cin >> std::ws, answer);
    return status;
  }
  String getString() { return answer; }
  void end() {}
};
