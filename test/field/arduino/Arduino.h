// What sketches use of the ESP32's core, on a machine with a terminal in place of pins and a radio.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

enum { LOW, HIGH, OUTPUT };

class String : public std::string {
public:
  String(const char *text = "") : std::string(text) {}
  String(const std::string &text) : std::string(text) {}
  String(float number, int decimals) {
    char text[32];
    snprintf(text, sizeof text, "%.*f", decimals, number);
    assign(text);
  }
};

struct SerialPort {
  void begin(int) {}
  void print(const char *text) { fputs(text, stderr); }
  void println(const char *text) { fprintf(stderr, "%s\n", text); }
};
inline SerialPort Serial;

inline void delay(int) {}
inline void pinMode(int, int) {}
inline void digitalWrite(int pin, int level) {
  printf("pin %d %d\n", pin, level);
  fflush(stdout);
}
inline float temperatureRead() { return 21.5; }
