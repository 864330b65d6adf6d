#include "service/proxy/backend.h"

#include <fmt/format.h>

#include "core/mysql/packet.h"
#include "core/mysql/statement.h"
#include "core/sql/tracked.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

namespace cap = mysql::capability;

// What changes how a server behaves is what the client asked for, so that its session is what it
// would be without a proxy. The rest is what the proxy needs, and DEPRECATE_EOF is put right by the
// relay.
constexpr std::uint32_t kMirrored =
    cap::kFoundRows | cap::kNoSchema | cap::kOdbc | cap::kLocalFiles | cap::kIgnoreSpace |
    cap::kInteractive | cap::kMultiStatements | cap::kMultiResults | cap::kPsMultiResults |
    cap::kCanHandleExpiredPasswords | cap::kQueryAttributes;
constexpr std::uint32_t kNeeded = cap::kLongPassword | cap::kLongFlag | cap::kProtocol41 |
                                  cap::kTransactions | cap::kSecureConnection | cap::kPluginAuth |
                                  cap::kPluginAuthLenencData | cap::kConnectAttrs |
                                  cap::kSessionTrack | cap::kDeprecateEof;

// More than this of an abandoned reply is not worth reading.
constexpr std::size_t kMaxAbandoned = std::size_t{1} << 20;

constexpr std::uint16_t kAccessDenied = 1045;  // ER_ACCESS_DENIED_ERROR

client::ConnectOptions connect_options(const LoopContext& context,
                                       const Server& server,
                                       const Identity& identity,
                                       const std::string& schema,
                                       bool with_tls) {
  client::ConnectOptions options;
  options.endpoint = server.endpoint;
  options.login.user = identity.user;
  options.login.password = std::string(identity.password.view());
  options.login.native_sha1 = identity.native_sha1;
  options.login.schema = schema;
  options.login.capabilities = kNeeded | (identity.client_capabilities & kMirrored);
  options.login.collation = identity.collation;
  options.login.attributes = identity.attributes;
  options.login.tls =
      with_tls ? mysql::ClientLoginOptions::Tls::Required : mysql::ClientLoginOptions::Tls::Off;
  options.tls = context.options->server_tls;
  options.tls_name = server.endpoint.host;
  return options;
}

// On this machine nobody can listen in, and a cold password cache is served by RSA; so TLS, which
// costs more than all the rest of a log-in, is kept for accounts that are refused without it.
io::Task<Result<client::Login>> log_in(LoopContext& context,
                                       const Server& server,
                                       const Identity& identity,
                                       const std::string& schema,
                                       Deadline deadline) {
  const bool has_tls = context.options->server_tls.has_value();
  const bool tls_first = has_tls && !is_loopback(server.endpoint.host);
  auto options = connect_options(context, server, identity, schema, tls_first);
  auto login = co_await client::Connection::log_in(context.loop, std::move(options), deadline);
  const bool is_denied = login && login->refused && login->refused->code == kAccessDenied;
  if (!is_denied || tls_first || !has_tls) co_return login;
  auto with_tls = connect_options(context, server, identity, schema, true);
  auto again = co_await client::Connection::log_in(context.loop, std::move(with_tls), deadline);
  co_return again;
}

const std::string& tracking_command() {
  static const std::string kCommand = fmt::format(
      "SET SESSION session_track_gtids = OWN_GTID, session_track_schema = ON, "
      "session_track_system_variables = '{}'",
      sql::tracked_variables());
  return kCommand;
}

}  // namespace

std::string wait_for_position(std::string_view gtids, Duration patience) {
  return fmt::format("SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', {:.3f})",
                     gtids,
                     std::chrono::duration<double>(patience).count());
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.substr(0, 4) == "127.";
}

Backend::Backend(LoopContext& context,
                 Server& server,
                 const Identity& identity,
                 const SessionState& state,
                 std::uint32_t session,
                 std::unique_ptr<client::Connection> connection)
    : context_(context),
      server_(server),
      state_(state),
      session_(session),
      connection_(std::move(connection)),
      relay_(connection_->capabilities(), identity.client_capabilities, state.tracking),
      inner_(connection_->capabilities(), connection_->capabilities(), no_tracking_),
      last_used_(context.loop.now()) {
  server_.connections.add(1);
  context_.shared.sessions.connected(session_, &server_, connection_id());
}

Backend::~Backend() {
  connection_->close();
  server_.connections.add(-1);
  context_.shared.sessions.disconnected(session_, &server_, connection_id());
}

io::Task<Result<Backend::Opened>> Backend::open(LoopContext& context,
                                                Server& server,
                                                const Identity& identity,
                                                const SessionState& state,
                                                std::uint32_t session,
                                                Deadline deadline) {
  auto login = co_await log_in(context, server, identity, state.schema(), deadline);
  if (!login) co_return login.error();
  Opened opened;
  if (login->refused) {
    opened.refused = login->refused;
    co_return opened;
  }
  if ((login->connection->capabilities() & cap::kDeprecateEof) == 0) {
    co_return invalid("the server is too old: it does not offer CLIENT_DEPRECATE_EOF");
  }
  opened.backend.reset(
      new Backend(context, server, identity, state, session, std::move(login->connection)));
  opened.backend->synced_schema_ = state.schema_version();
  if (!state.has_variables()) opened.backend->synced_variables_ = state.variables_version();
  auto set_up = co_await opened.backend->run(tracking_command(), deadline);
  if (!set_up) co_return set_up.error();
  if (set_up->err) opened.refused = set_up->err;
  if (set_up->err) opened.backend.reset();
  co_return opened;
}

std::string Backend::sync_variables_command() {
  if (synced_variables_ == state_.variables_version()) return {};
  auto clauses = state_.set_clauses();
  if (clauses.empty()) return {};
  return mysql::encode_query("SET " + clauses, capabilities());
}

std::string Backend::sync_schema_command() {
  // No command takes a schema away again; such a session stays at home.
  if (synced_schema_ == state_.schema_version() || state_.schema().empty()) return {};
  return std::string(1, static_cast<char>(mysql::Command::InitDb)) + state_.schema();
}

io::Task<Result<mysql::ReplySummary>> Backend::run(std::string sql, Deadline deadline) {
  std::string packet;
  mysql::append_command(packet, mysql::encode_query(sql, capabilities()));
  DORSAL_CO_TRY_VOID(co_await stream().write_all(packet, deadline));
  inner_.begin(mysql::ReplyShape::Results, 0, std::nullopt, true);
  auto buffer = context_.take_buffer();
  std::string ignored;
  auto progress = mysql::ReplyRelay::Progress::More;
  while (progress != mysql::ReplyRelay::Progress::Done) {
    auto size = co_await stream().read_some(buffer.get(), LoopContext::kBufferBytes, deadline);
    if (!size) co_return size.error();
    ignored.clear();
    auto fed = inner_.feed(std::string_view(buffer.get(), *size), ignored);
    if (!fed) co_return fed.error();
    if (*fed == mysql::ReplyRelay::Progress::LocalFile || inner_.consumed() != *size) {
      co_return corrupt("the server sent more than its reply");
    }
    progress = *fed;
  }
  context_.give_buffer(std::move(buffer));
  co_return inner_.summary();
}

void Backend::close_statement(std::uint32_t client_id) {
  auto found = statements_.find(client_id);
  if (found == statements_.end()) return;
  std::string payload(5, static_cast<char>(mysql::Command::StmtClose));
  mysql::set_statement_id(payload, found->second);
  mysql::append_command(closes_, payload);
  statements_.erase(found);
}

io::Task<bool> Backend::drop_abandoned(Deadline deadline) {
  if (!abandoned_) co_return true;
  inner_.begin(*std::exchange(abandoned_, std::nullopt));
  std::string bytes = std::exchange(abandoned_bytes_, {});
  std::string ignored;
  for (std::size_t dropped = 0; dropped < kMaxAbandoned;) {
    if (!bytes.empty()) {
      auto progress = inner_.feed(bytes, ignored);
      if (!progress || inner_.consumed() != bytes.size()) co_return false;
      if (*progress == mysql::ReplyRelay::Progress::Done) co_return true;
      dropped += bytes.size();
      bytes.clear();
      ignored.clear();
    }
    auto buffer = context_.take_buffer();
    auto size = co_await stream().read_some(buffer.get(), LoopContext::kBufferBytes, deadline);
    if (size) bytes.assign(buffer.get(), *size);
    context_.give_buffer(std::move(buffer));
    if (!size) co_return false;
  }
  co_return false;
}

bool Backend::is_alive() {
  // Nothing is in flight: whatever can be read now is a farewell or the end.
  char byte = 0;
  auto size = stream().try_read(&byte, 1);
  return size && *size == 0;
}

}  // namespace dorsal::proxy
