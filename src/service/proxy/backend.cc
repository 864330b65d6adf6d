#include "service/proxy/backend.h"

#include <fmt/format.h>

#include "base/crypto.h"
#include "core/mysql/packet.h"
#include "core/mysql/statement.h"
#include "core/sql/tracked.h"
#include "core/sql/user_variables.h"
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
    cap::kCanHandleExpiredPasswords | cap::kQueryAttributes | cap::kOptionalResultsetMetadata;
constexpr std::uint32_t kNeeded = cap::kLongPassword | cap::kLongFlag | cap::kProtocol41 |
                                  cap::kTransactions | cap::kSecureConnection | cap::kPluginAuth |
                                  cap::kPluginAuthLenencData | cap::kConnectAttrs |
                                  cap::kSessionTrack | cap::kDeprecateEof;

// Prepared statements kept on one connection; of more, the ones not used for longest are closed.
constexpr std::size_t kMaxKeptStatements = 256;

client::ConnectOptions connect_options(const LoopContext& context,
                                       const Server& server,
                                       const Identity& identity,
                                       bool with_tls) {
  client::ConnectOptions options;
  options.endpoint = server.endpoint;
  options.login.user = identity.user;
  options.login.password = identity.password;
  options.login.native_sha1 = identity.native_sha1;
  options.login.capabilities = kNeeded | (identity.client_capabilities & kMirrored) |
                               mysql::capability_of(context.options->server_compression);
  options.compression_numbers = &context.shared.numbers.server_compression;
  options.login.collation = identity.collation;
  options.login.attributes = attributes_of(context.shared);
  options.login.tls =
      with_tls ? mysql::ClientLoginOptions::Tls::Required : mysql::ClientLoginOptions::Tls::Off;
  options.tls = context.options->server_tls;
  options.tls_name = server.endpoint.host;
  return options;
}

// On this machine nobody can listen in, and a cold password cache is served by RSA; so TLS, which
// costs more than all the rest of a log-in, is kept for accounts that are refused without it. A
// wrong password is tried once, since a server may lock an account after a few.
io::Task<Result<client::Login>> log_in(LoopContext& context,
                                       const Server& server,
                                       const Identity& identity,
                                       Deadline deadline) {
  const bool has_tls = context.options->server_tls.has_value();
  const bool with_tls = has_tls && (identity.needs_tls || !is_loopback(server.endpoint.host));
  auto options = connect_options(context, server, identity, with_tls);
  auto login = co_await client::Connection::log_in(context.loop, std::move(options), deadline);
  co_return login;
}

const std::string& tracking_command() {
  static const std::string kCommand = fmt::format(
      "SET SESSION session_track_gtids = OWN_GTID, session_track_schema = ON, "
      "session_track_state_change = ON, session_track_transaction_info = CHARACTERISTICS, "
      "session_track_system_variables = '{}'",
      sql::tracked_variables());
  return kCommand;
}

constexpr const char* kAskCharset =
    "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, "
    "@@collation_connection";

}  // namespace

std::string pool_key(const Identity& identity) {
  static const std::string kSalt = random_bytes(16);
  const auto sha1 = identity.native_sha1.value_or(Secret());
  Scratch secret(kSalt.size() + sha1.view().size() + identity.password.view().size());
  secret.text.append(kSalt).append(sha1.view()).append(identity.password.view());
  std::string key = identity.user;
  key.push_back('\0');
  key += sha256(secret.text);
  key += identity.account_version;
  Writer writer(key);
  writer.u32(identity.client_capabilities & kMirrored);
  writer.u8(identity.collation);
  return key;
}

std::string wait_for_position(std::string_view gtids, Duration patience) {
  // The limit counts for more than the sql_select_limit of a session.
  return fmt::format("SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', {:.3f}) LIMIT 1",
                     gtids,
                     std::chrono::duration<double>(patience).count());
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.substr(0, 4) == "127.";
}

mysql::ConnectAttributes attributes_of(const Shared& shared) {
  return {{"_client_name", "dorsal"},
          {"program_name", "dorsal proxy"},
          {"dorsal_proxy", shared.name}};
}

Backend::Backend(LoopContext& context,
                 Server& server,
                 std::uint64_t global_changes,
                 std::unique_ptr<client::Connection> connection)
    : context_(context),
      server_(server),
      global_changes_(global_changes),
      connection_(std::move(connection)),
      inner_(connection_->capabilities(), connection_->capabilities(), no_tracking_),
      opened_at_(context.loop.now()),
      last_used_(opened_at_) {
  server_.connections.add(1);
}

Backend::~Backend() {
  connection_->close();
  server_.connections.add(-1);
}

io::Task<Result<Backend::Opened>> Backend::open(LoopContext& context,
                                                Server& server,
                                                Identity identity,
                                                Deadline deadline) {
  const std::uint64_t global_changes = server.global_changes;
  auto login = co_await log_in(context, server, identity, deadline);
  if (!login) co_return login.error();
  Opened opened;
  opened.refused = login->refused;
  if (opened.refused) co_return opened;
  if ((login->connection->capabilities() & cap::kDeprecateEof) == 0) {
    co_return invalid("the server is too old: it does not offer CLIENT_DEPRECATE_EOF");
  }
  opened.backend.reset(new Backend(context, server, global_changes, std::move(login->connection)));
  DORSAL_CO_TRY(opened.refused, co_await opened.backend->set_up(deadline));
  if (opened.refused) opened.backend.reset();
  co_return opened;
}

// Tracking, and what the connection begins with.
io::Task<Result<std::optional<mysql::ErrPacket>>> Backend::set_up(Deadline deadline) {
  auto tracking = co_await run(tracking_command(), deadline);
  if (!tracking) co_return tracking.error();
  if (tracking->err) co_return tracking->err;
  auto charset = co_await query(kAskCharset, deadline);
  if (!charset) co_return charset.error();
  if (charset->err) co_return charset->err;
  const auto& rows = charset->results.at(0).rows;
  if (rows.empty() || rows[0].size() < 4) co_return std::optional<mysql::ErrPacket>();
  auto field = [&](std::size_t index) { return rows[0][index].value_or(""); };
  initial_ = {field(0), field(1), field(2), field(3)};
  initial_.ignores_space = (capabilities() & cap::kIgnoreSpace) != 0;
  initial_.is_interactive = (capabilities() & cap::kInteractive) != 0;
  co_return std::optional<mysql::ErrPacket>();
}

bool Backend::has_user_variables_of(const SessionState& state, std::uint32_t session) const {
  if (user_variables.empty() && state.user_variables.empty()) return true;
  return user_variables_owner == session && user_variables_version == state.user_variables_version;
}

bool Backend::is_in_sync(const SessionState& state, const Needs& needs) const {
  const bool has_insert_id =
      !needs.insert_id || !last_insert_id || *last_insert_id == state.last_insert_id;
  return has_insert_id && tells_all_gtids == needs.all_gtids && variables == state.variables() &&
         schema == state.schema() &&
         (!needs.user_variables || has_user_variables_of(state, needs.session));
}

std::string Backend::sync_command(const SessionState& state, const Needs& needs) const {
  std::string clauses = sql::set_clauses(variables, state.variables(), initial_);
  auto add = [&](const std::string& clause) {
    if (!clauses.empty()) clauses += ", ";
    clauses += clause;
  };
  if (tells_all_gtids != needs.all_gtids) {
    add(needs.all_gtids ? "session_track_gtids=ALL_GTIDS" : "session_track_gtids=OWN_GTID");
  }
  if (needs.user_variables && !has_user_variables_of(state, needs.session)) {
    for (const auto& [name, value] : state.user_variables) {
      add(value);
    }
  }
  if (needs.insert_id && last_insert_id && *last_insert_id != state.last_insert_id) {
    add(fmt::format("last_insert_id={}", state.last_insert_id));
  }
  return clauses.empty() ? clauses : mysql::encode_query("SET " + clauses, capabilities());
}

io::Task<bool> Backend::track_again(Deadline deadline) {
  auto tracking = co_await run(tracking_command(), deadline);
  is_blind = !tracking || tracking->err;
  if (is_blind) is_spoilt = true;
  tells_all_gtids = false;
  has_old_diagnostics = false;
  co_return !is_blind;
}

// COM_RESET_CONNECTION leaves the schema.
std::string Backend::was_reset() {
  statements_.clear();
  statement_of_.clear();
  closes_.clear();
  variables.clear();
  user_variables.clear();
  user_variables_owner = 0;  // who had them here must bring them again
  last_insert_id = 0;
  tells_all_gtids = has_diagnostics = has_old_diagnostics = has_counted_rows = false;
  return mysql::encode_query(tracking_command() + ", " + sql::initial_clauses(initial_),
                             capabilities());
}

std::string Backend::schema_command(const SessionState& state) const {
  // No command takes a schema away again; a session without one gets a connection without one.
  if (state.schema() == schema || state.schema().empty()) return {};
  return std::string(1, static_cast<char>(mysql::Command::InitDb)) + state.schema();
}

void Backend::synced(const SessionState& state, const Needs& needs) {
  variables = state.variables();
  schema = state.schema();
  tells_all_gtids = needs.all_gtids;
  if (needs.user_variables) {
    user_variables.clear();
    for (const auto& [name, value] : state.user_variables) user_variables.insert(name);
    user_variables_owner = needs.session;
    user_variables_version = state.user_variables_version;
  }
  if (needs.insert_id && last_insert_id) last_insert_id = state.last_insert_id;
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

io::Task<Result<client::Reply>> Backend::query(std::string sql, Deadline deadline) {
  auto reply = co_await connection_->query(std::move(sql), deadline);
  co_return reply;
}

std::optional<std::uint32_t> Backend::find_statement(const PreparedText& text,
                                                     const StatementUse& use) {
  auto found = statement_of_.find(&text);
  if (found == statement_of_.end()) return std::nullopt;
  StatementUse& before = found->second->use;
  const bool is_fresh = before.user == 0;
  const bool has_same_types = before.is_uniform && before.types == use.types;
  const bool is_alike = has_same_types && use.is_uniform;
  if (!is_fresh && before.user != use.user && !is_alike) {
    close_statement(text);
    return std::nullopt;
  }
  before = {use.user, use.types, is_fresh || has_same_types};
  statements_.splice(statements_.begin(), statements_, found->second);
  return found->second->server_id;
}

void Backend::keep_statement(std::shared_ptr<const PreparedText> text, std::uint32_t server_id) {
  close_statement(*text);
  const PreparedText* key = text.get();
  statements_.push_front({std::move(text), server_id, {}});
  statement_of_.emplace(key, statements_.begin());
  if (statements_.size() <= kMaxKeptStatements) return;
  const PreparedText& oldest = *statements_.back().text;
  close_statement(oldest);
}

void Backend::close_statement(const PreparedText& text) {
  auto found = statement_of_.find(&text);
  if (found == statement_of_.end()) return;
  std::string payload(5, static_cast<char>(mysql::Command::StmtClose));
  mysql::set_statement_id(payload, found->second->server_id);
  mysql::append_command(closes_, payload);
  auto place = found->second;
  statement_of_.erase(found);
  statements_.erase(place);
}

}  // namespace dorsal::proxy
