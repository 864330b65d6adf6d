// For tests: writes a conversation down once, and checks it in every way that the network can cut
// or break it.
//
//   script([&] { return ClientLogin(options); })
//       .receives(packet(0, greeting))
//       .sends(packet(1, login))
//       .receives(packet(2, ok))
//       .succeeds_if([](const ClientLogin& login) { return !login.refused(); })
//       .check();
//
// Calls match: script (receives | sends | sends_matching | starts_tls | asks)* succeeds_if check
//
// check() first plays the script as it stands, where success is expected. Then it plays it again
//   - with every read cut in two at every byte, and with every read byte by byte;
//   - with reads that follow each other arriving as one;
//   - with each read in turn replaced by an ERR packet, an empty packet, garbage in a packet, bare
//     garbage, the right payload with a wrong sequence number (ERR apart), and the end of the
//     input.
// In the last kind of run success is a failure of the test, as are endless conversations.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/mysql/conversation.h"
#include "core/mysql/packet.h"
#include "core/mysql/protocol.h"
#include "core/mysql/reply.h"

namespace dorsal::mysql {

// One payload as a packet with that sequence number.
inline std::string packet(std::uint8_t sequence, std::string_view payload) {
  std::string out;
  append_packet(out, sequence, payload);
  return out;
}

template <class Conversation>
class Script {
 public:
  explicit Script(std::function<Conversation()> make) : make_(std::move(make)) {}

  // The peer sends these whole packets.
  Script& receives(std::string bytes) { return add({Need::Kind::Read, std::move(bytes), {}, {}}); }

  // The conversation sends exactly these bytes.
  Script& sends(std::string bytes) {
    return sends_matching([wanted = std::move(bytes)](std::string_view sent) {
      EXPECT_EQ(std::string(sent), wanted);
    });
  }
  // For what has randomness in it.
  Script& sends_matching(std::function<void(std::string_view)> expect) {
    return add({Need::Kind::Write, {}, std::move(expect), {}});
  }

  Script& starts_tls() { return add({Need::Kind::StartTls, {}, {}, {}}); }

  // The owner's answer; in broken runs it is given at every Ask from the one it stands for on.
  Script& asks(std::function<void(Conversation&)> answer) {
    return add({Need::Kind::Ask, {}, {}, std::move(answer)});
  }

  Script& succeeds_if(std::function<bool(const Conversation&)> judge) {
    judge_ = std::move(judge);
    return *this;
  }

  void check() const {
    ASSERT_TRUE(judge_);
    play(steps_, [](const std::string& bytes) { return Pieces{bytes}; });
    if (testing::Test::HasFailure()) return;
    play(steps_, byte_by_byte);
    play(joined(), [](const std::string& bytes) { return Pieces{bytes}; });
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].kind != Need::Kind::Read) continue;
      SCOPED_TRACE(testing::Message() << "at step " << i);
      check_cuts(i);
      check_failures(i);
    }
  }

 private:
  struct Step {
    Need::Kind kind;
    std::string bytes;                             // Read
    std::function<void(std::string_view)> expect;  // Write
    std::function<void(Conversation&)> answer;     // Ask
  };
  using Steps = std::vector<Step>;
  using Pieces = std::vector<std::string>;
  using Cutter = std::function<Pieces(const std::string&)>;

  Script& add(Step step) {
    steps_.push_back(std::move(step));
    return *this;
  }

  static Pieces byte_by_byte(const std::string& bytes) {
    Pieces pieces;
    for (char byte : bytes) pieces.emplace_back(1, byte);
    return pieces;
  }

  Steps joined() const {
    Steps out;
    for (const auto& step : steps_) {
      bool is_read = step.kind == Need::Kind::Read;
      if (is_read && !out.empty() && out.back().kind == Need::Kind::Read) {
        out.back().bytes += step.bytes;
      } else {
        out.push_back(step);
      }
    }
    return out;
  }

  // Plays the whole script and expects it to succeed.
  void play(const Steps& steps, const Cutter& cut) const {
    Conversation conversation = make_();
    auto need = conversation.next("");
    for (const auto& step : steps) {
      ASSERT_TRUE(need) << need.error().message;
      ASSERT_EQ(static_cast<int>(need->kind), static_cast<int>(step.kind));
      need = take_step(conversation, step, *need, cut);
    }
    ASSERT_TRUE(need) << need.error().message;
    ASSERT_EQ(static_cast<int>(need->kind), static_cast<int>(Need::Kind::Done));
    EXPECT_TRUE(judge_(conversation));
    EXPECT_EQ(conversation.leftover(), "");
  }

  static Result<Need> take_step(Conversation& conversation,
                                const Step& step,
                                const Need& need,
                                const Cutter& cut) {
    if (step.expect) step.expect(need.bytes);
    if (step.answer) step.answer(conversation);
    if (step.kind != Need::Kind::Read) return conversation.next("");
    Result<Need> after = Need::read();
    for (const auto& piece : cut(step.bytes)) {
      if (!after || after->kind != Need::Kind::Read) return corrupt("it went on before the end");
      after = conversation.next(piece);
    }
    return after;
  }

  void check_cuts(std::size_t broken) const {
    for (std::size_t at = 1; at < steps_[broken].bytes.size(); ++at) {
      SCOPED_TRACE(testing::Message() << "cut at byte " << at);
      const auto* target = &steps_[broken].bytes;
      play(steps_, [&](const std::string& bytes) {
        if (&bytes != target) return Pieces{bytes};
        return Pieces{bytes.substr(0, at), bytes.substr(at)};
      });
    }
  }

  void check_failures(std::size_t broken) const {
    const auto& right = steps_[broken].bytes;
    auto header = read_header(right.data());
    auto sequence = header.sequence;
    auto payload = right.substr(kHeaderSize, header.length);
    auto wrong_number = static_cast<std::uint8_t>(sequence + 7);
    const std::pair<const char*, std::string> cases[] = {
        {"an ERR packet",
         packet(sequence, encode(ErrPacket{1105, "HY000", "unlucky"}, capability::kProtocol41))},
        {"an empty packet", packet(sequence, "")},
        {"garbage in a packet", packet(sequence, "\xfc garbage")},
        {"bare garbage", "garbage, more than enough of it to make a header of the first bytes"},
        {"a wrong sequence number", packet(wrong_number, payload)},
        {"the end of the input", ""},
    };
    for (const auto& [name, bytes] : cases) {
      if (bytes == right) continue;
      // An ERR that the server sends on its own has any number.
      if (is_err(payload) && name == std::string_view("a wrong sequence number")) continue;
      SCOPED_TRACE(testing::Message() << "with " << name);
      EXPECT_FALSE(succeeds_with(broken, bytes));
    }
  }

  // Plays up to the broken read, then puts `bytes` in its place and lets the conversation go on as
  // it likes, without any more input. A read that no longer comes counts as the script does.
  bool succeeds_with(std::size_t broken, const std::string& bytes) const {
    Conversation conversation = make_();
    auto need = conversation.next("");
    for (std::size_t i = 0; i < broken && need; ++i) {
      need = take_step(conversation, steps_[i], *need, [](const std::string& whole) {
        return Pieces{whole};
      });
    }
    if (!need || bytes.empty()) return false;
    need = conversation.next(bytes);
    auto answer = answer_from(broken);
    for (int turns = 0; need && need->kind != Need::Kind::Read; ++turns) {
      if (need->kind == Need::Kind::Done) return judge_(conversation);
      if (turns > 10) ADD_FAILURE() << "the conversation does not end";
      if (turns > 10) return false;
      if (need->kind == Need::Kind::Ask) answer(conversation);
      need = conversation.next("");
    }
    return false;
  }

  std::function<void(Conversation&)> answer_from(std::size_t step) const {
    for (auto i = step; i < steps_.size(); ++i) {
      if (steps_[i].answer) return steps_[i].answer;
    }
    return [](Conversation&) {};
  }

  std::function<Conversation()> make_;
  Steps steps_;
  std::function<bool(const Conversation&)> judge_;
};

template <class Factory>
Script<std::invoke_result_t<Factory>> script(Factory make) {
  return Script<std::invoke_result_t<Factory>>(std::move(make));
}

}  // namespace dorsal::mysql
