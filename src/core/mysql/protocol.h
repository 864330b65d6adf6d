// The numbers of MySQL's client/server protocol that Dorsal uses.
//
// Source: MySQL Internals, "Client/Server Protocol", and include/mysql_com.h of the server.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dorsal::mysql {

// A payload of this size is followed by another packet that continues it.
inline constexpr std::size_t kMaxPayload = 0xffffff;
inline constexpr std::size_t kHeaderSize = 4;

enum class Command : std::uint8_t {
  Sleep = 0x00,
  Quit = 0x01,
  InitDb = 0x02,
  Query = 0x03,
  FieldList = 0x04,
  CreateDb = 0x05,
  DropDb = 0x06,
  Refresh = 0x07,
  Shutdown = 0x08,
  Statistics = 0x09,
  ProcessInfo = 0x0a,
  Connect = 0x0b,
  ProcessKill = 0x0c,
  Debug = 0x0d,
  Ping = 0x0e,
  Time = 0x0f,
  DelayedInsert = 0x10,
  ChangeUser = 0x11,
  BinlogDump = 0x12,
  TableDump = 0x13,
  ConnectOut = 0x14,
  RegisterReplica = 0x15,
  StmtPrepare = 0x16,
  StmtExecute = 0x17,
  StmtSendLongData = 0x18,
  StmtClose = 0x19,
  StmtReset = 0x1a,
  SetOption = 0x1b,
  StmtFetch = 0x1c,
  Daemon = 0x1d,
  BinlogDumpGtid = 0x1e,
  ResetConnection = 0x1f,
  Clone = 0x20,
};

namespace capability {
inline constexpr std::uint32_t kLongPassword = 1U << 0;
inline constexpr std::uint32_t kFoundRows = 1U << 1;
inline constexpr std::uint32_t kLongFlag = 1U << 2;
inline constexpr std::uint32_t kConnectWithDb = 1U << 3;
inline constexpr std::uint32_t kNoSchema = 1U << 4;
inline constexpr std::uint32_t kCompress = 1U << 5;
inline constexpr std::uint32_t kOdbc = 1U << 6;
inline constexpr std::uint32_t kLocalFiles = 1U << 7;
inline constexpr std::uint32_t kIgnoreSpace = 1U << 8;
inline constexpr std::uint32_t kProtocol41 = 1U << 9;
inline constexpr std::uint32_t kInteractive = 1U << 10;
inline constexpr std::uint32_t kSsl = 1U << 11;
inline constexpr std::uint32_t kIgnoreSigpipe = 1U << 12;
inline constexpr std::uint32_t kTransactions = 1U << 13;
inline constexpr std::uint32_t kReserved = 1U << 14;
inline constexpr std::uint32_t kSecureConnection = 1U << 15;
inline constexpr std::uint32_t kMultiStatements = 1U << 16;
inline constexpr std::uint32_t kMultiResults = 1U << 17;
inline constexpr std::uint32_t kPsMultiResults = 1U << 18;
inline constexpr std::uint32_t kPluginAuth = 1U << 19;
inline constexpr std::uint32_t kConnectAttrs = 1U << 20;
inline constexpr std::uint32_t kPluginAuthLenencData = 1U << 21;
inline constexpr std::uint32_t kCanHandleExpiredPasswords = 1U << 22;
inline constexpr std::uint32_t kSessionTrack = 1U << 23;
inline constexpr std::uint32_t kDeprecateEof = 1U << 24;
inline constexpr std::uint32_t kOptionalResultsetMetadata = 1U << 25;
inline constexpr std::uint32_t kZstdCompression = 1U << 26;
inline constexpr std::uint32_t kQueryAttributes = 1U << 27;
inline constexpr std::uint32_t kMultiFactorAuthentication = 1U << 28;

inline constexpr std::uint32_t kAnyCompression = kCompress | kZstdCompression;
}  // namespace capability

namespace status {
inline constexpr std::uint16_t kInTransaction = 0x0001;
inline constexpr std::uint16_t kAutocommit = 0x0002;
inline constexpr std::uint16_t kMoreResults = 0x0008;
inline constexpr std::uint16_t kNoGoodIndexUsed = 0x0010;
inline constexpr std::uint16_t kNoIndexUsed = 0x0020;
inline constexpr std::uint16_t kCursorExists = 0x0040;
inline constexpr std::uint16_t kLastRowSent = 0x0080;
inline constexpr std::uint16_t kDbDropped = 0x0100;
inline constexpr std::uint16_t kNoBackslashEscapes = 0x0200;
inline constexpr std::uint16_t kMetadataChanged = 0x0400;
inline constexpr std::uint16_t kQueryWasSlow = 0x0800;
inline constexpr std::uint16_t kPsOutParams = 0x1000;
inline constexpr std::uint16_t kInReadOnlyTransaction = 0x2000;
inline constexpr std::uint16_t kSessionStateChanged = 0x4000;
}  // namespace status

// First byte of a reply that is not the start of a result set.
inline constexpr std::uint8_t kOkMarker = 0x00;
inline constexpr std::uint8_t kAuthMoreMarker = 0x01;
inline constexpr std::uint8_t kAuthNextFactorMarker = 0x02;
inline constexpr std::uint8_t kLocalInfileMarker = 0xfb;
inline constexpr std::uint8_t kEofMarker = 0xfe;  // also AuthSwitchRequest while logging in
inline constexpr std::uint8_t kErrMarker = 0xff;

inline constexpr const char* kCachingSha2 = "caching_sha2_password";
inline constexpr const char* kNativePassword = "mysql_native_password";
inline constexpr const char* kClearPassword = "mysql_clear_password";
// Hardly an account has it, but a server pretends that every other user it does not know does.
inline constexpr const char* kSha256Password = "sha256_password";

// utf8mb4_0900_ai_ci, the server's default since 8.0.
inline constexpr std::uint8_t kDefaultCollation = 255;

}  // namespace dorsal::mysql
