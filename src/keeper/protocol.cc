#include "keeper/protocol.h"

#include "keeper/wire.h"

namespace wherry::keeper {
namespace {

constexpr std::size_t kIdLimit = 128;
constexpr std::size_t kTextLimit = 64 * 1024;
constexpr std::size_t kPathLimit = 4096;
constexpr std::size_t kRecordsLimit = 100'000;

// One `fields` per type serves both directions: the order of the calls is the format.
template <class Archive>
void fields(Archive& archive, Target& value) {
  archive.text(value.container, kIdLimit);
  archive.text(value.exec, kIdLimit);
}

template <class Archive>
void fields(Archive& archive, StdioOptions& value) {
  archive.number(value.tty);
  archive.number(value.open_stdin);
  archive.number(value.stdin_once);
  archive.number(value.discard);
  archive.number(value.window.rows);
  archive.number(value.window.columns);
}

template <class Archive>
void fields(Archive& archive, LogOptions& value) {
  archive.choice(value.driver, LogDriver::JsonFile);
  archive.choice(value.mode, LogMode::NonBlocking);
  archive.text(value.file_name, 255);
  archive.number(value.max_size);
  archive.number(value.max_files);
  archive.number(value.max_buffer);
  archive.text(value.attributes, kTextLimit);
  archive.text(value.path, kPathLimit);
}

template <class Archive>
void fields(Archive& archive, StartRequest& value) {
  fields(archive, value.target);
  archive.text(value.nonce, kIdLimit);
  fields(archive, value.stdio);
  fields(archive, value.log);
  archive.text(value.cgroup, kTagLimit);
  archive.number(value.go_at_once);
  archive.number(value.deadline_ms);
  archive.number(value.has_log_directory);
  archive.number(value.has_oom_counter);
}

template <class Archive>
void fields(Archive& archive, ExitReport& value) {
  archive.number(value.code);
  archive.number(value.known);
  archive.number(value.by_signal);
  archive.number(value.oom_killed);
  archive.number(value.finished_ns);
}

template <class Archive>
void fields(Archive& archive, Record::PipeIdentity& value) {
  archive.number(value.device);
  archive.number(value.inode);
}

template <class Archive>
void fields(Archive& archive, Record& value) {
  fields(archive, value.target);
  archive.text(value.nonce, kIdLimit);
  archive.number(value.pid);
  archive.number(value.start_time);
  archive.text(value.boot_id, kIdLimit);
  archive.text(value.cgroup, kTagLimit);
  archive.choice(value.state, State::Exited);
  fields(archive, value.stdio);
  fields(archive, value.log);
  archive.number(value.started_ns);
  fields(archive, value.exit);
  archive.number(value.exit_sequence);
  archive.number(value.acknowledged);
  archive.number(value.forgotten);
  fields(archive, value.pipe_in);
  fields(archive, value.pipe_out);
  fields(archive, value.pipe_err);
}

template <class Archive>
void fields(Archive& archive, AttachRequest& value) {
  fields(archive, value.target);
  archive.number(value.want_stdin);
  archive.number(value.want_stdout);
  archive.number(value.want_stderr);
  archive.choice(value.framing, Framing::Framed);
  archive.text(value.detach_keys, 64);
  archive.text(value.already_read, 1 << 20);
  archive.text(value.preface, kTextLimit);
  archive.number(value.hold);
}

template <class Archive>
void fields(Archive& archive, Attached& value) {
  archive.number(value.client);
  archive.number(value.position.generation);
  archive.number(value.position.offset);
}

template <class Archive>
void fields(Archive& archive, Started& value) {
  archive.number(value.pid);
  archive.number(value.start_time);
  archive.number(value.running);
}

template <class Archive>
void fields(Archive& archive, KeeperInfo& value) {
  archive.number(value.version);
  archive.number(value.keeper_pid);
  archive.number(value.pump_pid);
  archive.number(value.instance);
  archive.number(value.processes);
  archive.text(value.build, kIdLimit);
}

template <class Archive>
void fields(Archive& archive, Event& value) {
  archive.choice(value.kind, EventKind::KeeperRestarted);
  archive.number(value.sequence);
  fields(archive, value.target);
  archive.text(value.nonce, kIdLimit);
  fields(archive, value.exit);
  archive.number(value.lost_lines);
  archive.text(value.text, kTextLimit);
}

struct Encoder {
  Writer writer;
  void text(const std::string& value, std::size_t /*limit*/) { writer.put(std::string_view(value)); }
  template <class T>
  void number(T value) {
    writer.put(value);
  }
  template <class T>
  void choice(T value, T /*last*/) {
    writer.put(value);
  }
};

struct Decoder {
  Reader reader;
  void text(std::string& value, std::size_t limit) { reader.get(value, limit); }
  template <class T>
  void number(T& value) {
    reader.get(value);
  }
  template <class T>
  void choice(T& value, T last) {
    reader.get(value, last);
  }
};

template <class T>
std::string encode_fields(const T& value) {
  Encoder encoder;
  T copy = value;  // `fields` is shared with the decoder and takes a mutable reference
  fields(encoder, copy);
  return encoder.writer.take();
}

template <class T>
Result<T> decode_fields(std::string_view bytes, const char* what) {
  Decoder decoder{Reader(bytes)};
  T value;
  fields(decoder, value);
  if (!decoder.reader.ok()) return Error::invalid(std::string("malformed keeper message: ") + what);
  return value;
}

}  // namespace

std::string encode(const StartRequest& value) { return encode_fields(value); }
std::string encode(const AttachRequest& value) { return encode_fields(value); }
std::string encode(const Target& value) { return encode_fields(value); }
std::string encode(const Record& value) { return encode_fields(value); }
std::string encode(const Started& value) { return encode_fields(value); }
std::string encode(const Attached& value) { return encode_fields(value); }
std::string encode(const KeeperInfo& value) { return encode_fields(value); }
std::string encode(const Event& value) { return encode_fields(value); }

std::string encode(const std::vector<Record>& value) {
  Writer writer;
  for (const Record& record : value) writer.put(std::string_view(encode(record)));
  return writer.take();
}

std::string encode(const Error& value) {
  return Writer()
      .put(value.kind())
      .put(static_cast<std::int32_t>(value.errno_value()))
      .put(std::string_view(value.message()).substr(0, kTextLimit))
      .take();
}

Result<StartRequest> decode_start(std::string_view bytes) {
  return decode_fields<StartRequest>(bytes, "start");
}
Result<AttachRequest> decode_attach(std::string_view bytes) {
  return decode_fields<AttachRequest>(bytes, "attach");
}
Result<Target> decode_target(std::string_view bytes) {
  return decode_fields<Target>(bytes, "target");
}
Result<Record> decode_record(std::string_view bytes) {
  return decode_fields<Record>(bytes, "record");
}
Result<Started> decode_started(std::string_view bytes) {
  return decode_fields<Started>(bytes, "started");
}
Result<Attached> decode_attached(std::string_view bytes) {
  return decode_fields<Attached>(bytes, "attached");
}
Result<KeeperInfo> decode_info(std::string_view bytes) {
  return decode_fields<KeeperInfo>(bytes, "info");
}
Result<Event> decode_event(std::string_view bytes) { return decode_fields<Event>(bytes, "event"); }

Result<std::vector<Record>> decode_records(std::string_view bytes) {
  std::vector<Record> records;
  Reader reader(bytes);
  while (!reader.at_end() && records.size() < kRecordsLimit) {
    std::string one;
    reader.get(one, kMessageBytes);
    if (!reader.ok()) return Error::invalid("malformed keeper message: records");
    records.push_back(TRY(decode_record(one)));
  }
  return records;
}

Error decode_error(std::string_view bytes) {
  Reader reader(bytes);
  ErrorKind kind = ErrorKind::Internal;
  std::int32_t number = 0;
  std::string message;
  reader.get(kind, ErrorKind::Unsupported).get(number).get(message, kTextLimit);
  if (!reader.ok()) return Error::internal("malformed keeper message: error");
  return {kind, number, std::move(message)};
}

}  // namespace wherry::keeper
