import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_double;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_int;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_long_long;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_p_void;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_void;
import com.microsoft.ml.lightgbm.lightgbmlib;
import com.microsoft.ml.lightgbm.lightgbmlibConstants;
import com.sun.management.OperatingSystemMXBean;
import io.github.metarank.lightgbm4j.LGBMBooster;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The job of a peer on Kafka Streams: per person counts and sums of five windows in RocksDB, one
 * prediction of LightGBM's own library, one score to a topic.
 *
 * <p>Written for speed: one record a person in one store, which is read and written once an event;
 * only the needed fields of the JSON are parsed; the model's fast call for single rows.
 *
 * <p>Arguments: BROKER TOPIC,TOPIC OUTPUT BOOSTER STATE_FOLDER WARM EVENTS. Writes one JSON object
 * to descriptor 3: cost of EVENTS events behind the first WARM, closing included, since the stores
 * reach RocksDB and the changelog when they are committed.
 */
public final class KafkaStreamsPeer {
  private static final long[] WINDOWS_MS = {
    60_000L, 300_000L, 3_600_000L, 86_400_000L, 604_800_000L
  };
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final CountDownLatch FINISHED = new CountDownLatch(1);

  private static long warm;
  private static long events;
  private static long seen; // by the only stream thread
  private static volatile long cpuBegan;
  private static volatile long clockBegan;

  /** The windows of one event's person, the model's probability, a score. */
  private static final class Scoring implements Processor<byte[], byte[], byte[], byte[]> {
    private final JsonFactory json = new JsonFactory();
    private final Model model;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> windows;

    Scoring(Model model) {
      this.model = model;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      windows = context.getStateStore("windows");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      String eventId = "";
      long eventTimeMs = 0;
      long amountMinor = 0;
      try (JsonParser parser = json.createParser(record.value())) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          switch (name) {
            case "event_id" -> eventId = parser.getText();
            case "event_time_ms" -> eventTimeMs = parser.getLongValue();
            case "amount_minor" -> amountMinor = parser.getLongValue();
            default -> parser.skipChildren();
          }
        }
      } catch (IOException error) {
        throw new IllegalArgumentException(error);
      }
      double probability = model.probability(features(record.key(), eventTimeMs, amountMinor));
      String score = "{\"event_id\":\"" + eventId + "\",\"probability\":" + probability + "}";
      context.forward(record.withValue(score.getBytes(StandardCharsets.UTF_8)));
      count();
    }

    /** Applies the event to the windows of its person; returns their counts and sums. */
    private double[] features(byte[] person, long eventTimeMs, long amountMinor) {
      byte[] stored = windows.get(person);
      ByteBuffer record = ByteBuffer.wrap(stored == null ? new byte[24 * WINDOWS_MS.length] : stored);
      double[] vector = model.vector;
      for (int number = 0; number < WINDOWS_MS.length; number++) {
        int at = 24 * number;
        long window = eventTimeMs / WINDOWS_MS[number];
        boolean same = record.getLong(at) == window;
        long count = (same ? record.getLong(at + 8) : 0) + 1;
        long sum = (same ? record.getLong(at + 16) : 0) + amountMinor;
        record.putLong(at, window).putLong(at + 8, count).putLong(at + 16, sum);
        vector[2 * number] = count;
        vector[2 * number + 1] = sum;
      }
      windows.put(person, record.array());
      return vector;
    }
  }

  /** LightGBM's native library with the configuration of its single-row call prepared. */
  private static final class Model {
    final double[] vector;
    private final SWIGTYPE_p_void configuration;
    private final SWIGTYPE_p_long_long length;
    private final SWIGTYPE_p_double result;

    Model(String text) throws IOException {
      LGBMBooster.loadNative();
      length = lightgbmlib.new_int64_tp();
      result = lightgbmlib.new_doubleArray(1);
      SWIGTYPE_p_int iterations = lightgbmlib.new_intp();
      SWIGTYPE_p_p_void handle = lightgbmlib.voidpp_handle();
      require(lightgbmlib.LGBM_BoosterLoadModelFromString(text, iterations, handle));
      SWIGTYPE_p_void booster = lightgbmlib.voidpp_value(handle);
      SWIGTYPE_p_int columns = lightgbmlib.new_intp();
      require(lightgbmlib.LGBM_BoosterGetNumFeature(booster, columns));
      vector = new double[lightgbmlib.intp_value(columns)];
      SWIGTYPE_p_p_void fast = lightgbmlib.voidpp_handle();
      require(
          lightgbmlib.LGBM_BoosterPredictForMatSingleRowFastInit(
              booster,
              lightgbmlibConstants.C_API_PREDICT_NORMAL,
              0,
              -1,
              lightgbmlibConstants.C_API_DTYPE_FLOAT64,
              vector.length,
              "num_threads=1",
              fast));
      configuration = lightgbmlib.voidpp_value(fast);
    }

    double probability(double[] row) {
      require(
          lightgbmlib.LGBM_BoosterPredictForMatSingleRowFastCriticalSWIG(
              row, configuration, length, result));
      return lightgbmlib.doubleArray_getitem(result, 0);
    }

    private static void require(int status) {
      if (status != 0) {
        throw new IllegalStateException(lightgbmlib.LGBM_GetLastError());
      }
    }
  }

  private static void count() {
    seen++;
    if (seen == warm) {
      clockBegan = System.nanoTime();
      cpuBegan = SYSTEM.getProcessCpuTime();
    } else if (seen == warm + events) {
      FINISHED.countDown();
    }
  }

  private static Properties settings(String broker, String folder) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer-" + ProcessHandle.current().pid());
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1); // one core
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    return settings;
  }

  public static void main(String[] arguments) throws Exception {
    warm = Long.parseLong(arguments[5]);
    events = Long.parseLong(arguments[6]);
    Model model = new Model(Files.readString(Path.of(arguments[3])));
    var bytes = Serdes.ByteArray();
    Topology topology = new Topology();
    topology
        .addSource("events", bytes.deserializer(), bytes.deserializer(), arguments[1].split(","))
        .addProcessor("scoring", () -> new Scoring(model), "events")
        .addStateStore(
            Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("windows"), bytes, bytes)
                .withCachingEnabled(),
            "scoring")
        .addSink("scores", arguments[2], bytes.serializer(), bytes.serializer(), "scoring");
    KafkaStreams streams = new KafkaStreams(topology, settings(arguments[0], arguments[4]));
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    streams.start();
    FINISHED.await();
    double seconds = (System.nanoTime() - clockBegan) / 1e9;
    long cpuWorked = SYSTEM.getProcessCpuTime();
    streams.close(Duration.ofSeconds(60));
    double cpuSeconds = (SYSTEM.getProcessCpuTime() - cpuBegan) / 1e9;
    double closing = (SYSTEM.getProcessCpuTime() - cpuWorked) / 1e9;
    String result =
        String.format(
            java.util.Locale.ROOT,
            "{\"engine\":\"kafka-streams\",\"events\":%d,\"seconds\":%.3f,\"cpu_seconds\":%.3f,"
                + "\"closing_cpu_seconds\":%.3f,\"events_per_cpu_second\":%.0f,"
                + "\"events_per_second\":%.0f}",
            events, seconds, cpuSeconds, closing, events / cpuSeconds, events / seconds);
    try (FileOutputStream caller = new FileOutputStream("/proc/self/fd/3")) {
      caller.write(result.getBytes(StandardCharsets.UTF_8));
    }
    Runtime.getRuntime().halt(0);
  }
}
