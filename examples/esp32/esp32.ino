// A greenhouse: a lamp that a backend switches, and a thermometer that tells whoever asks.
// The library is Pusher-ESP32. It has Pusher's host built in; CLUSTER leads it elsewhere, see README.md.
#include <HTTPClient.h>
#include <Pusher.h>
#include <WiFi.h>

const char WIFI_NAME[] = "YOUR_WIFI";
const char WIFI_PASSWORD[] = "ITS_PASSWORD";

const char KEY[] = "YOUR_KEY";
const char CLUSTER[] = "push.example.com:6001/app/YOUR_KEY?"; // it connects to ws-push.example.com
const char BACKEND[] = "http://192.168.1.10:3000/";
const char TOKEN[] = "token-of-the-greenhouse"; // what the backend knows this device by

const char CHANNEL[] = "private-greenhouse";
const int LAMP = 2;

PusherService carillon(KEY, CLUSTER, [](const char *text) { Serial.print(text); });

// Asks the backend to sign for this connection. Empty where it refuses.
String askBackend(const String &socketId) {
  HTTPClient http;
  http.begin(BACKEND);
  http.addHeader("Content-Type", "application/json");
  http.addHeader("Authorization", String("Bearer ") + TOKEN);
  const int status = http.POST(
    String("{\"socket_id\":\"") + socketId + "\",\"channel_name\":\"" + CHANNEL + "\"}");
  const String answer = status == 200 ? http.getString() : String("");
  http.end();
  return answer;
}

void onConnected(const String &message) {
  carillon.socket_id = PusherService::Message(message.c_str()).getItem("socket_id");
  const String signature = askBackend(carillon.socket_id);
  if (signature.length() == 0) Serial.println("The backend refuses.");
  else carillon.Subscribe(CHANNEL, signature);
}

void onLamp(const String &message) {
  const bool isOn = PusherService::Message(message.c_str()).getItem("on") == "true";
  digitalWrite(LAMP, isOn ? HIGH : LOW);
}

void onAsk(const String &) {
  const String data = String("{\"celsius\":") + String(temperatureRead(), 1) + "}";
  carillon.sendMessage("client-temperature", CHANNEL, data.c_str());
}

void setup() {
  Serial.begin(115200);
  pinMode(LAMP, OUTPUT);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  while (WiFi.status() != WL_CONNECTED) delay(500);
  carillon.registerEventHandler(connectionEvent, onConnected);
  carillon.registerEventHandler("lamp", onLamp);
  carillon.registerEventHandler("client-ask", onAsk);
}

void loop() {
  carillon.poll(); // connects, too, and again after a cut
  delay(200);
}
