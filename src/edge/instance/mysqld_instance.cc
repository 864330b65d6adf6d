#include "edge/instance/mysqld_instance.h"

#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/check.h"
#include "edge/instance/bootstrap_sql.h"
#include "edge/instance/closing.h"
#include "edge/instance/door_probe.h"
#include "edge/instance/error_log.h"
#include "edge/instance/folder_changes.h"
#include "edge/instance/my_cnf.h"
#include "edge/instance/mysqld_process.h"
#include "edge/instance/mysqld_version.h"
#include "edge/instance/node_folder.h"
#include "edge/instance/origins.h"
#include "edge/instance/remembered_file.h"
#include "edge/instance/secrets.h"
#include "edge/instance/server_facts.h"
#include "edge/instance/server_link.h"
#include "edge/instance/socket_path.h"
#include "edge/instance/sql_text.h"
#include "edge/instance/storage_probe.h"
#include "edge/instance/stray_folder.h"
#include "edge/io/clock.h"
#include "edge/io/endpoint.h"
#include "edge/io/files.h"
#include "edge/io/process.h"
#include "edge/io/worker.h"

namespace dorsal::instance {

using cluster::DataStage;
using cluster::Process;
using io::Task;

namespace {

constexpr auto kVersionLimit = std::chrono::seconds(30);  // a cold start of the program
constexpr auto kRestartLimit = std::chrono::minutes(2);   // a cloned server shuts down
constexpr auto kLookAtApplier = std::chrono::milliseconds(10);
constexpr auto kLastApplyLimit = std::chrono::seconds(3);
constexpr std::size_t kMostOrigins = 50'000;
constexpr std::size_t kOriginsAtOnce = 2000;
constexpr auto kOriginsPause = std::chrono::milliseconds(20);

// With a receiver that runs, the rest of a transaction is still to come.
constexpr const char* kTornTransaction =
    "SELECT t.PROCESSLIST_ID FROM performance_schema.replication_applier_status_by_coordinator c "
    "JOIN performance_schema.threads t ON t.THREAD_ID = c.THREAD_ID "
    "JOIN performance_schema.replication_connection_status r ON r.CHANNEL_NAME = c.CHANNEL_NAME "
    "WHERE c.CHANNEL_NAME = '' AND c.SERVICE_STATE = 'ON' AND c.PROCESSING_TRANSACTION <> '' "
    "AND r.SERVICE_STATE = 'OFF'";

// ER_RESTART_SERVER_FAILED: the clone is complete, and the server shuts down instead of restarting.
bool is_completed_all_the_same(const std::string& message) {
  return message.find("ERROR 3707") != std::string::npos;
}

// mysqld changes into its data folder, so it is told whole paths.
Options with_whole_paths(Options options) {
  for (std::string* path : {&options.dir, &options.tls_ca, &options.tls_cert, &options.tls_key}) {
    *path = std::filesystem::absolute(*path).lexically_normal().string();
  }
  return options;
}

}  // namespace

struct MysqldInstance::Impl {
  Impl(io::Loop& loop_, Options options_)
      : loop(loop_),
        options(with_whole_paths(std::move(options_))),
        folder(options.dir),
        strays(options.dir),
        origins(options.dir),
        memory(loop_, options.dir + "/remembered") {}

  io::Loop& loop;
  Options options;
  Identity identity;
  io::Endpoint address;
  std::string socket;
  Secrets secrets;
  std::optional<io::FileLock> lock;
  NodeFolder folder;
  StrayFolder strays;
  mysql::GtidSet saved_strays;  // all that is in there
  Origins origins;
  RememberedFile memory;
  cluster::Remembered remembered;
  io::Worker worker;
  std::optional<MysqldProcess> process;
  std::optional<StorageProbe> storage;
  std::optional<DoorProbe> door;
  std::optional<ServerLink> link;   // for observe() and the acts
  std::optional<ServerLink> guard;  // for fence()
  std::vector<ServerLink> beats;    // by slot; each may wait for acknowledgements without end
  bool has_answered = false;        // since it was started
  bool may_be_writable = false;
  DataStage stage = DataStage::Empty;  // as it was last looked at, or changed to

  std::string path(const char* name) const { return options.dir + "/" + name; }

  Result<void> check_files() const;
  Result<void> write_configuration() const;
  Task<Result<void>> run_initialisation(Deadline deadline);
  Task<Result<void>> print_binlogs(const StrayFolder::Draft& draft, Deadline deadline);
  Task<Result<void>> mark(DataStage next);
  Task<Result<void>> change(std::string sql, Deadline deadline) {
    return link->run(std::move(sql), deadline);
  }
  Task<Result<cluster::ServerFacts>> ask(Deadline deadline);
  Task<Result<void>> run_clone(ServerLink& recipient, Peer donor);
  Task<bool> receiver_runs(Deadline deadline);
  Task<Result<void>> sync_relay_logs();
  Task<Result<std::string>> coordinator_in_torn_transaction(Deadline deadline);
  Task<Result<void>> stop_applier(Deadline deadline);
};

MysqldInstance::MysqldInstance(io::Loop& loop, Options options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
MysqldInstance::~MysqldInstance() = default;

const std::string& MysqldInstance::socket_path() const { return impl_->socket; }

// ---- folder ----

Result<void> MysqldInstance::Impl::check_files() const {
  for (const std::string& file : {options.tls_ca, options.tls_cert, options.tls_key}) {
    if (!io::exists(file)) return not_found(file + " does not exist; replication needs it for TLS");
  }
  return {};
}

Task<Result<void>> MysqldInstance::open(cluster::NodeName node,
                                        std::optional<std::string> cluster_uuid) {
  Impl& self = *impl_;
  DORSAL_CO_TRY_VOID(check_settings(self.options.settings));
  DORSAL_CO_TRY_VOID(self.check_files());
  DORSAL_CO_TRY(self.address, io::parse_endpoint(self.options.address));
  DORSAL_CO_TRY(self.secrets, load_secrets(self.options.secrets_dir));
  const Deadline deadline = self.loop.after(kVersionLimit);
  DORSAL_CO_TRY_VOID(co_await ask_mysqld_version(self.loop, self.options.mysqld, deadline));
  DORSAL_CO_TRY_VOID(io::make_directories(self.options.dir, 0700));
  DORSAL_CO_TRY(self.lock, io::FileLock::try_lock(self.path("lock")).in("this node runs already"));
  co_return self.folder.check(cluster_uuid, node);
}

Task<Result<void>> MysqldInstance::claim(Identity identity) {
  Impl& self = *impl_;
  self.identity = std::move(identity);
  DORSAL_CO_TRY_VOID(self.folder.claim(self.identity.cluster_uuid, self.identity.node));
  DORSAL_CO_TRY_VOID(io::make_directories(self.path("files"), 0700));
  DORSAL_CO_TRY(self.socket, choose_socket_path(self.options.dir, self.options.runtime_dir));
  self.storage.emplace(self.path("storage-probe"));
  DoorProbe::Options door;
  door.address = self.address;
  door.password = self.secrets.monitor;
  door.tls_ca = self.options.tls_ca;
  self.door.emplace(self.loop, std::move(door));
  self.process.emplace(self.loop,
                       self.options.mysqld,
                       self.path("mysqld.log"),
                       self.path("mysqld.out"));
  self.link.emplace(self.loop, self.socket, self.secrets.agent);
  self.guard.emplace(self.loop, self.socket, self.secrets.agent);
  for (std::size_t slot = 0; slot < kBeatSlots; ++slot) {
    self.beats.emplace_back(self.loop, self.socket, self.secrets.agent);
  }
  self.stage = self.folder.stage();
  self.saved_strays = self.strays.kept();
  DORSAL_CO_TRY(self.remembered, self.memory.read());
  co_return Result<void>();
}

Result<void> MysqldInstance::Impl::write_configuration() const {
  MyCnf config;
  config.dir = options.dir;
  config.socket_path = socket;
  config.address = address;
  config.server_id = identity.server_id.value();
  config.acks = identity.acks;
  config.tls_ca = options.tls_ca;
  config.tls_cert = options.tls_cert;
  config.tls_key = options.tls_key;
  config.buffer_pool_bytes = options.buffer_pool_bytes;
  config.run_as_root = ::geteuid() == 0;
  config.settings = options.settings;
  return io::write_file_atomically(path("my.cnf"), render_my_cnf(config), 0600);
}

// Runs as a child that dies with us: an orphan would write into the folder that we clear next time.
Task<Result<void>> MysqldInstance::Impl::run_initialisation(Deadline deadline) {
  const std::int64_t log_begins = file_size(path("mysqld.log"));
  io::SpawnOptions spawn;
  spawn.program = options.mysqld;
  spawn.arguments = {"--defaults-file=" + path("my.cnf"),
                     "--initialize-insecure",
                     "--datadir=" + folder.new_data(),
                     "--init-file=" + path("bootstrap.sql")};
  spawn.output_file = path("mysqld.out");
  spawn.die_with_parent = true;
  DORSAL_CO_TRY(io::ChildProcess child, io::ChildProcess::spawn(loop, std::move(spawn)));
  auto status = co_await child.wait(deadline);
  if (!status) {
    (void)child.kill(SIGKILL);
    co_return status.error().in("initialise");
  }
  if (status->ok()) co_return Result<void>();
  co_return unavailable(fmt::format("mysqld --initialize {}: {}",
                                    io::to_string(*status),
                                    last_words_in_file(path("mysqld.log"), log_begins).error));
}

Task<Result<void>> MysqldInstance::initialise(Deadline deadline) {
  Impl& self = *impl_;
  if (self.folder.stage() != DataStage::Empty && self.folder.stage() != DataStage::HalfMade) {
    co_return Result<void>();
  }
  auto clear = [&self] { return self.folder.clear_half_made(); };
  DORSAL_CO_TRY_VOID(co_await io::on_worker(self.worker, std::move(clear)));
  DORSAL_CO_TRY_VOID(self.write_configuration());
  const std::string bootstrap = self.path("bootstrap.sql");
  DORSAL_CO_TRY_VOID(
      io::write_file_atomically(bootstrap, render_bootstrap_sql(self.secrets), 0600));
  auto made = co_await self.run_initialisation(deadline);
  DORSAL_CO_TRY_VOID(io::remove_tree(bootstrap));  // it holds passwords
  if (!made) co_return made.error();
  auto put = [&self] { return self.folder.put_in_place(); };
  DORSAL_CO_TRY_VOID(co_await io::on_worker(self.worker, std::move(put)));
  self.stage = DataStage::Fresh;
  co_return Result<void>();
}

// Kept before the SQL is made of it, so that what mysqlbinlog does not like is not lost.
Task<Result<std::string>> MysqldInstance::save_strays(mysql::GtidSet strays, Deadline deadline) {
  Impl& self = *impl_;
  auto copy = [&self, &strays] { return self.strays.begin(self.folder.data(), strays); };
  DORSAL_CO_TRY(StrayFolder::Draft draft, co_await io::on_worker(self.worker, std::move(copy)));
  const auto printed = co_await self.print_binlogs(draft, deadline);
  auto put = [&self, &draft] { return self.strays.finish(draft, io::wall_ms()); };
  DORSAL_CO_TRY(const std::string path, co_await io::on_worker(self.worker, std::move(put)));
  self.saved_strays.unite(strays);
  co_return fmt::format(
      "{} stray transactions are kept in {}{}{}",
      draft.found.count(),
      path,
      draft.found.count() < strays.count() ? "; the binlogs of the others are purged" : "",
      printed ? "" : "; not as SQL: " + printed.error().message);
}

Task<Result<void>> MysqldInstance::Impl::print_binlogs(const StrayFolder::Draft& draft,
                                                       Deadline deadline) {
  if (draft.binlogs.empty()) co_return Result<void>();
  const auto beside = std::filesystem::path(options.mysqld).replace_filename("mysqlbinlog");
  io::SpawnOptions spawn;
  spawn.program = io::exists(beside.string()) ? beside.string() : "mysqlbinlog";
  spawn.arguments = {"--no-defaults", "--verbose", "--verbose"};
  spawn.arguments.insert(spawn.arguments.end(), draft.binlogs.begin(), draft.binlogs.end());
  spawn.output_file = draft.path + "/strays.sql";
  spawn.die_with_parent = true;
  DORSAL_CO_TRY(io::ChildProcess child, io::ChildProcess::spawn(loop, std::move(spawn)));
  const auto status = co_await child.wait(deadline);
  if (!status) {
    (void)child.kill(SIGKILL);
    co_return status.error();
  }
  if (!status->ok()) co_return unavailable("mysqlbinlog " + io::to_string(*status));
  co_return Result<void>();
}

Task<Result<void>> MysqldInstance::start_over(Deadline deadline) {
  Impl& self = *impl_;
  if (self.stage == DataStage::Member) co_return conflict("the folder holds the cluster's data");
  co_return co_await drop_data(deadline);
}

Task<Result<void>> MysqldInstance::drop_data(Deadline) {
  Impl& self = *impl_;
  co_await kill();
  auto remove = [&self] { return self.folder.remove_data(); };
  auto removed = co_await io::on_worker(self.worker, std::move(remove));
  self.stage = self.folder.stage();
  co_return removed;
}

Task<Result<void>> MysqldInstance::set_data_aside(Deadline) {
  Impl& self = *impl_;
  co_await kill();
  auto move = [&self] { return self.folder.set_data_aside(); };
  auto moved = co_await io::on_worker(self.worker, std::move(move));
  self.stage = self.folder.stage();
  co_return moved;
}

Task<Result<void>> MysqldInstance::Impl::mark(DataStage next) {
  auto write = [this, next] { return folder.mark(next); };
  DORSAL_CO_TRY_VOID(co_await io::on_worker(worker, std::move(write)));
  stage = next;
  co_return Result<void>();
}

// A clone of a replica brings that replica's source along, and positions in relay logs that were
// not cloned (MySQL Reference Manual, "Cloning for Replication").
Task<Result<void>> MysqldInstance::accept_data(Deadline deadline) {
  Impl& self = *impl_;
  if (self.stage == DataStage::Member) co_return Result<void>();
  if (self.stage == DataStage::Cloning) {
    DORSAL_CO_TRY_VOID(co_await self.change("RESET REPLICA ALL", deadline));
  }
  co_return co_await self.mark(DataStage::Member);
}

// ---- process ----

Task<Result<void>> MysqldInstance::start() {
  Impl& self = *impl_;
  if (self.process->runs()) co_return Result<void>();
  DORSAL_CO_TRY_VOID(self.write_configuration());
  // We hold the folder's lock, so these were left by a server that was killed. The lock file names
  // a pid, which may be another process by now, and mysqld would refuse to start.
  DORSAL_CO_TRY_VOID(io::remove_tree(self.socket));
  DORSAL_CO_TRY_VOID(io::remove_tree(self.socket + ".lock"));
  // What was received while it did not sync; the new process writes to other files.
  DORSAL_CO_TRY_VOID(co_await self.sync_relay_logs());
  self.has_answered = false;
  self.may_be_writable = false;
  self.guard->drop();
  co_return self.process->start(self.path("my.cnf"));
}

// A server that shuts down waits for its connections to end, so ours go first.
// The applier ends first, while the receiver still brings the rest of what that is in the middle
// of: a server that ends both at once waits for the rest for up to a minute.
Task<> MysqldInstance::stop(Deadline deadline) {
  const Deadline first = impl_->loop.after(kLastApplyLimit);
  if (impl_->process->pid()) (void)co_await impl_->stop_applier(first);
  impl_->link->drop();
  impl_->guard->drop();
  for (ServerLink& beat : impl_->beats) beat.drop();
  co_await impl_->process->stop(deadline);
  impl_->may_be_writable = false;
}

// Connections are left to notice by themselves: another task may be waiting on one.
Task<> MysqldInstance::kill() {
  co_await impl_->process->kill();
  impl_->may_be_writable = false;
}

Task<> MysqldInstance::exited(Deadline deadline) { co_await impl_->process->exited(deadline); }

Task<Result<cluster::ServerFacts>> MysqldInstance::Impl::ask(Deadline deadline) {
  DORSAL_CO_TRY(client::Connection * server, co_await link->connection(deadline));
  FactsWanted wanted;
  wanted.stage = stage;
  wanted.tls_ca = options.tls_ca;
  auto facts = co_await ask_facts(*server, std::move(wanted), deadline);
  if (!facts) link->drop();
  co_return facts;
}

Task<cluster::Server> MysqldInstance::observe(Deadline deadline) {
  Impl& self = *impl_;
  cluster::Server server;
  server.pid = self.process->pid();
  server.saved_strays = self.saved_strays;
  server.remembered = self.remembered;
  server.storage_trouble = self.storage->trouble();
  if (!server.pid) self.stage = self.folder.stage();
  server.stage = self.stage;
  if (!server.pid) {
    self.may_be_writable = false;
    server.last_words = self.process->last_words();
    server.wants_restart = self.process->wants_restart();
    co_return server;
  }
  auto facts = co_await self.ask(deadline);
  if (facts) {
    self.has_answered = true;
    self.may_be_writable = facts->writable;
    server.process = Process::Answers;
    server.facts = *std::move(facts);
    server.door_trouble = self.door->trouble();
  } else {
    server.process = self.has_answered ? Process::Silent : Process::Starting;
    server.last_words = facts.error().message;
  }
  server.may_be_writable = self.may_be_writable;
  co_return server;
}

Task<Result<void>> MysqldInstance::remember(cluster::Remembered remembered, Deadline deadline) {
  cluster::Remembered written = remembered;
  DORSAL_CO_TRY_VOID(co_await impl_->memory.write(std::move(written), deadline));
  impl_->remembered = std::move(remembered);
  co_return Result<void>();
}

// ---- roles ----

Task<Result<void>> MysqldInstance::open_for_writes(Deadline deadline) {
  impl_->may_be_writable = true;
  // From here on a fence may be needed at once.
  DORSAL_CO_TRY([[maybe_unused]] auto* guard, co_await impl_->guard->connection(deadline));
  DORSAL_CO_TRY_VOID(co_await impl_->change("SET GLOBAL super_read_only = OFF", deadline));
  co_return co_await impl_->change("SET GLOBAL read_only = OFF", deadline);
}

Task<Result<void>> MysqldInstance::fence(Deadline deadline) {
  DORSAL_CO_TRY_VOID(co_await impl_->guard->run("SET GLOBAL super_read_only = ON", deadline));
  impl_->may_be_writable = false;
  co_return Result<void>();
}

Task<Result<void>> MysqldInstance::close_for_writes(Duration drain, Deadline deadline) {
  Impl& self = *impl_;
  ServerLink server(self.loop, self.socket, self.secrets.agent);
  DORSAL_CO_TRY_VOID(co_await instance::close_for_writes(self.loop, server, drain, deadline));
  self.may_be_writable = false;
  co_return Result<void>();
}

Task<Result<void>> MysqldInstance::reload_tls(Deadline deadline) {
  Impl& self = *impl_;
  ServerLink server(self.loop, self.socket, self.secrets.agent);
  co_return co_await server.run("ALTER INSTANCE RELOAD TLS", deadline);
}

Task<Result<void>> MysqldInstance::stop_requiring_acks(Deadline deadline) {
  co_return co_await impl_->change("SET GLOBAL rpl_semi_sync_source_enabled = OFF", deadline);
}

Task<Result<void>> MysqldInstance::require_acks(std::uint32_t count, Deadline deadline) {
  const std::string so_many =
      fmt::format("SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = {}", count);
  DORSAL_CO_TRY_VOID(co_await impl_->change(so_many, deadline));
  co_return co_await impl_->change("SET GLOBAL rpl_semi_sync_source_enabled = ON", deadline);
}

Task<bool> MysqldInstance::Impl::receiver_runs(Deadline deadline) {
  auto facts = co_await ask(deadline);
  co_return facts && facts->following && facts->following->receiver != cluster::Receiver::Off;
}

Task<Result<void>> MysqldInstance::give_acks(bool wanted, Deadline deadline) {
  Impl& self = *impl_;
  const bool runs = co_await self.receiver_runs(deadline);
  const std::string sql =
      std::string("SET GLOBAL rpl_semi_sync_replica_enabled = ") + (wanted ? "ON" : "OFF");
  DORSAL_CO_TRY_VOID(co_await self.change(sql, deadline));
  if (!runs) co_return Result<void>();
  DORSAL_CO_TRY_VOID(co_await self.change("STOP REPLICA IO_THREAD", deadline));
  co_return co_await self.change("START REPLICA IO_THREAD", deadline);
}

// ---- replication ----

Task<Result<void>> MysqldInstance::Impl::sync_relay_logs() {
  auto sync = [this] { return sync_files(folder.data(), "relay."); };
  co_return co_await io::on_worker(worker, std::move(sync));
}

// First what is no longer written to. From then on the next event takes what is in the file of now
// with it, or the end of that file does: a relay log that is closed is synced (seen with strace).
// FLUSH in the binlog would be a stray.
Task<Result<void>> MysqldInstance::sync_relay_log(bool wanted, Deadline deadline) {
  Impl& self = *impl_;
  if (!wanted) co_return co_await self.change("SET GLOBAL sync_relay_log = 10000", deadline);
  DORSAL_CO_TRY_VOID(co_await self.sync_relay_logs());
  DORSAL_CO_TRY_VOID(co_await self.change("SET GLOBAL sync_relay_log = 1", deadline));
  co_return co_await self.change("FLUSH NO_WRITE_TO_BINLOG RELAY LOGS", deadline);
}

Task<Result<void>> MysqldInstance::start_receiver(Deadline deadline) {
  co_return co_await impl_->change("START REPLICA IO_THREAD", deadline);
}

Task<Result<void>> MysqldInstance::stop_receiver(Deadline deadline) {
  co_return co_await impl_->change("STOP REPLICA IO_THREAD", deadline);
}

// The id, as KILL takes it, of an applier that has read the beginning of a transaction whose end
// never came, because the receiver lost its source in the middle of it. Empty: there is none.
Task<Result<std::string>> MysqldInstance::Impl::coordinator_in_torn_transaction(Deadline deadline) {
  DORSAL_CO_TRY(client::Connection * server, co_await link->connection(deadline));
  auto results = co_await server->execute(kTornTransaction, deadline);
  if (!results) {
    link->drop();
    co_return results.error();
  }
  const bool exists = !results->empty() && !results->front().rows.empty();
  co_return exists ? results->front().rows.front().front().value_or("") : std::string();
}

// STOP REPLICA would wait for a minute for the rest of a torn transaction (SLAVE_WAIT_GROUP_DONE in
// the server's sql/rpl_replica.cc), unless the applier is killed first; and it must not come before
// the applier has ended, or the wait begins after all. What a killed applier rolls back is that
// transaction alone, which was never acknowledged from here.
Task<Result<void>> MysqldInstance::Impl::stop_applier(Deadline deadline) {
  DORSAL_CO_TRY(const std::string torn, co_await coordinator_in_torn_transaction(deadline));
  if (!torn.empty()) {
    // An error means that it has ended by itself.
    DORSAL_CO_TRY(client::Connection * server, co_await link->connection(deadline));
    auto killed = co_await server->query("KILL " + torn, deadline);
    if (!killed) {
      link->drop();
      co_return killed.error();
    }
    for (bool runs = true; runs;) {
      const Deadline next = loop.after(kLookAtApplier);
      const bool goes_on = co_await loop.sleep_until(next);
      if (!goes_on || deadline.has_passed(loop.now())) co_return timeout("the applier goes on");
      DORSAL_CO_TRY(const std::string left, co_await coordinator_in_torn_transaction(deadline));
      runs = !left.empty();
    }
  }
  co_return co_await change("STOP REPLICA SQL_THREAD", deadline);
}

Task<Result<void>> MysqldInstance::stop_applier(Deadline deadline) {
  co_return co_await impl_->stop_applier(deadline);
}

Task<Result<void>> MysqldInstance::start_applier(Deadline deadline) {
  co_return co_await impl_->change("START REPLICA SQL_THREAD", deadline);
}

Task<Result<void>> MysqldInstance::await_applied(mysql::GtidSet transactions, Deadline deadline) {
  Impl& self = *impl_;
  const Duration left = deadline.left(self.loop.now());
  // The answer has to arrive within the deadline, too.
  const double seconds = std::chrono::duration<double>(left).count() * 0.8;
  const std::string sql = fmt::format("SELECT WAIT_FOR_EXECUTED_GTID_SET({}, {:.3f})",
                                      quote(transactions.to_string()),
                                      seconds);
  DORSAL_CO_TRY(client::Connection * server, co_await self.link->connection(deadline));
  auto results = co_await server->execute(sql, deadline);
  if (!results) {
    self.link->drop();
    co_return results.error();
  }
  const bool is_there = !results->empty() && !results->front().rows.empty() &&
                        results->front().rows.front()[0].value_or("1") == "0";
  if (!is_there) co_return timeout("they are not executed yet");
  co_return Result<void>();
}

Task<Result<void>> MysqldInstance::change_source(Peer source, Deadline deadline) {
  Impl& self = *impl_;
  const std::string sql = fmt::format(
      "CHANGE REPLICATION SOURCE TO SOURCE_HOST = {}, SOURCE_PORT = {}, SOURCE_USER = {}, "
      "SOURCE_PASSWORD = {}, SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, SOURCE_SSL_CA = {}, "
      "SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = "
      "2147483647, "
      "SOURCE_HEARTBEAT_PERIOD = 1",
      quote(source.host),
      source.port,
      quote(kReplicationUser),
      quote(self.secrets.replication),
      quote(self.options.tls_ca));
  co_return co_await self.change(sql, deadline);
}

Task<Result<void>> MysqldInstance::start_replication(Deadline deadline) {
  co_return co_await impl_->change("START REPLICA", deadline);
}

Task<Result<void>> MysqldInstance::forget_source(Deadline deadline) {
  Impl& self = *impl_;
  DORSAL_CO_TRY_VOID(co_await self.change("STOP REPLICA IO_THREAD", deadline));
  DORSAL_CO_TRY_VOID(co_await self.stop_applier(deadline));
  // Without them clients are told less, and no more.
  auto keep = [&self] { return self.origins.keep(self.folder.data()); };
  (void)co_await io::on_worker(self.worker, std::move(keep));
  DORSAL_CO_TRY_VOID(co_await self.change("RESET REPLICA ALL", deadline));
  co_return co_await self.change("SET GLOBAL rpl_semi_sync_replica_enabled = OFF", deadline);
}

Task<Result<std::size_t>> MysqldInstance::record_origins(Deadline deadline) {
  Impl& self = *impl_;
  auto read = [&self] { return self.origins.read(kMostOrigins); };
  DORSAL_CO_TRY(const auto commits, co_await io::on_worker(self.worker, std::move(read)));
  ServerLink server(self.loop, self.socket, self.secrets.agent);
  for (;;) {
    DORSAL_CO_TRY(client::Connection * connection, co_await server.connection(deadline));
    DORSAL_CO_TRY(const std::string closed,
                  co_await connection->scalar("SELECT @@GLOBAL.super_read_only", deadline));
    if (closed == "0") break;
    const Deadline again = self.loop.after(kOriginsPause);
    const bool goes_on = co_await self.loop.sleep_until(again);
    if (!goes_on || deadline.has_passed(self.loop.now())) {
      co_return timeout("it does not take writes");
    }
  }
  // Each server has its own, which no other needs.
  DORSAL_CO_TRY_VOID(co_await server.run("SET sql_log_bin = 0", deadline));
  DORSAL_CO_TRY_VOID(co_await server.run(kCreateOriginTable, deadline));
  DORSAL_CO_TRY_VOID(co_await server.run("TRUNCATE TABLE dorsal.commit_origin", deadline));
  // What is asked for first comes first.
  for (std::size_t at = 0; at < commits.size(); at += kOriginsAtOnce) {
    std::string sql;
    for (std::size_t i = at; i < std::min(at + kOriginsAtOnce, commits.size()); ++i) {
      sql += fmt::format("{}('{}', {}, {})",
                         sql.empty() ? "REPLACE INTO dorsal.commit_origin VALUES " : ", ",
                         mysql::to_string(commits[i].source),
                         commits[i].number,
                         commits[i].connection);
    }
    DORSAL_CO_TRY_VOID(co_await server.run(std::move(sql), deadline));
  }
  auto discard = [&self] { self.origins.discard(); };
  co_await io::on_worker(self.worker, std::move(discard));
  co_return commits.size();
}

// ---- clone ----

Task<Result<void>> MysqldInstance::Impl::run_clone(ServerLink& recipient, Peer donor) {
  const Deadline soon = loop.after(std::chrono::seconds(10));
  const std::string list = quote(fmt::format("{}:{}", donor.host, donor.port));
  DORSAL_CO_TRY_VOID(co_await recipient.run("SET GLOBAL clone_valid_donor_list = " + list, soon));
  DORSAL_CO_TRY_VOID(
      co_await recipient.run("SET GLOBAL clone_ssl_ca = " + quote(options.tls_ca), soon));
  // The donor serves reads meanwhile, and replicates over the same network.
  const std::string limit = fmt::format(
      "SET GLOBAL clone_max_data_bandwidth = {0}, GLOBAL clone_max_network_bandwidth = {0}",
      options.clone_mib_per_second);
  DORSAL_CO_TRY_VOID(co_await recipient.run(limit, soon));
  const std::string sql = fmt::format("CLONE INSTANCE FROM {}@{}:{} IDENTIFIED BY {} REQUIRE SSL",
                                      quote(kCloneUser),
                                      quote(donor.host),
                                      donor.port,
                                      quote(secrets.clone));
  // The recipient drops its own schemas first, which super_read_only forbids (error 1290).
  // read_only stays on; the clone's restart brings super_read_only back.
  DORSAL_CO_TRY_VOID(co_await recipient.run("SET GLOBAL super_read_only = OFF", soon));
  // As long as the data needs; whoever waits for this is cancelled when the agent stops.
  co_return co_await recipient.run(sql, Deadline::never());
}

Task<Result<void>> MysqldInstance::clone_from(Peer donor) {
  Impl& self = *impl_;
  if (self.stage != DataStage::Fresh) co_return conflict("only a fresh server is cloned into");
  DORSAL_CO_TRY_VOID(co_await self.mark(DataStage::Cloning));
  ServerLink recipient(self.loop, self.socket, self.secrets.agent);
  auto outcome = co_await self.run_clone(recipient, std::move(donor));
  const bool was_refused = !outcome && outcome.error().kind == ErrorKind::Invalid;
  if (was_refused && !is_completed_all_the_same(outcome.error().message)) {
    // The server goes on with the data it had, perhaps without its schemas, so it may try again.
    const Deadline soon = self.loop.after(std::chrono::seconds(10));
    DORSAL_CO_TRY_VOID(co_await recipient.run("SET GLOBAL super_read_only = ON", soon));
    DORSAL_CO_TRY_VOID(co_await self.mark(DataStage::Fresh));
    co_return unavailable(outcome.error().message);
  }
  // Completed, the server shuts down to restart; some versions answer OK first, some do not.
  const Deadline deadline = self.loop.after(kRestartLimit);
  while (self.process->runs() && !deadline.has_passed(self.loop.now())) {
    const Deadline next = self.loop.after(std::chrono::milliseconds(20));
    const bool goes_on = co_await self.loop.sleep_until(next);
    if (!goes_on) break;
  }
  if (self.process->runs()) co_return timeout("the cloned server did not restart");
  co_return Result<void>();
}

// ---- heartbeat ----

Task<Result<void>> MysqldInstance::beat(std::size_t slot,
                                        std::int64_t stamp_ms,
                                        Deadline deadline) {
  const std::string sql =
      fmt::format("REPLACE INTO dorsal.heartbeat (id, stamp_ms) VALUES ({}, {})", slot, stamp_ms);
  co_return co_await impl_->beats.at(slot).run(sql, deadline);
}

}  // namespace dorsal::instance
