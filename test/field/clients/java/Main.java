import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.PresenceChannelEventListener;
import com.pusher.client.channel.PusherEvent;
import com.pusher.client.channel.User;
import com.pusher.client.channel.ChannelEventListener;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Subscribes to `room` and `presence-room` with the Java client, and prints what happens, a line each. */
public class Main implements PresenceChannelEventListener {
  static final String KEY = System.getenv("PUSHER_APP_KEY");
  static final String SECRET = System.getenv("PUSHER_APP_SECRET");
  static final String MEMBER = "{\"user_id\":\"1\",\"user_info\":{\"name\":\"Ann\"}}";

  public static void main(String[] args) throws InterruptedException {
    PusherOptions options = new PusherOptions();
    options.setHost("127.0.0.1").setWsPort(Integer.parseInt(System.getenv("PUSHER_PORT")));
    options.setUseTLS(false).setChannelAuthorizer(Main::authorize);
    Pusher pusher = new Pusher(KEY, options);
    pusher.connect();
    pusher.subscribePresence("presence-room", new Main(), "e");
    pusher.subscribe("room", new Room(), "e");
    Thread.currentThread().join(); // the library's threads keep nothing alive
  }

  static String authorize(String channel, String socketId) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(SECRET.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      byte[] signed = (socketId + ":" + channel + ":" + MEMBER).getBytes(StandardCharsets.UTF_8);
      String signature = HexFormat.of().formatHex(mac.doFinal(signed));
      String data = MEMBER.replace("\"", "\\\"");
      return "{\"auth\":\"" + KEY + ":" + signature + "\",\"channel_data\":\"" + data + "\"}";
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  static synchronized void tell(String line) {
    System.out.println(line);
  }

  static class Room implements ChannelEventListener {
    public void onSubscriptionSucceeded(String channel) {
      tell("subscribed " + channel);
    }

    public void onEvent(PusherEvent event) {
      tell("event " + event.getEventName() + " " + event.getData());
    }
  }

  public void onUsersInformationReceived(String channel, Set<User> users) {
    Set<String> ids = users.stream().map(User::getId).collect(Collectors.toCollection(TreeSet::new));
    tell("subscribed " + channel + " " + String.join(",", ids));
  }

  public void userSubscribed(String channel, User user) {
    tell("joined " + user.getId() + " " + user.getInfo());
  }

  public void userUnsubscribed(String channel, User user) {
    tell("left " + user.getId());
  }

  public void onAuthenticationFailure(String message, Exception error) {
    tell("refused " + message);
  }

  public void onSubscriptionSucceeded(String channel) {}

  public void onEvent(PusherEvent event) {
    tell("event " + event.getEventName() + " " + event.getData());
  }
}
