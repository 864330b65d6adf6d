#!/usr/bin/env python3
"""Shows each house rule of tidy.py catch a violation in a small made-up tree, and let its like pass."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tidy  # noqa: E402

LAYERS = (Path(__file__).resolve().parents[2] / tidy.LAYERS_FILE).read_text(encoding="utf-8")
HEADER = "// What it is for.\n#pragma once\n"


def check(files, layers=LAYERS, readmes=True):
    """What tidy finds in a tree of these files, one string per line."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tree = {tidy.LAYERS_FILE: layers}
        if readmes:
            tree.update({f"src/{layer}/README.md": "One line.\n" for layer in tidy.LAYER_FOLDERS})
        tree.update(files)
        for name, text in tree.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = tidy.main([folder])
        found = output.getvalue().splitlines()[:-1] if status else []
        assert (status == 1) == bool(output.getvalue())
        return found


class TidyTest(unittest.TestCase):
    def catches(self, path, text, expected):
        self.assertEqual(check({path: text}), expected)

    def passes(self, path, text):
        self.assertEqual(check({path: text}), [])


class Includes(TidyTest):
    def test_core_may_not_include_asio(self):
        self.catches(
            "src/core/routing/route.cc",
            "#include <string>\n#include <asio/ip/tcp.hpp>\n",
            ["src/core/routing/route.cc:2: core/routing may not include <asio/ip/tcp.hpp>"],
        )

    def test_only_log_cc_may_include_spdlog(self):
        self.passes("src/base/log.cc", "#include <spdlog/spdlog.h>\n")
        for path, row in (("src/base/check.cc", "base"), ("src/app/main.cc", "app"), ("src/edge/io/loop.cc", "edge/io")):
            self.catches(path, "#include <spdlog/spdlog.h>\n", [f"{path}:1: {row} may not include <spdlog/spdlog.h>"])

    def test_only_crypto_cc_may_include_openssl_in_base(self):
        self.passes("src/base/crypto.cc", "#include <openssl/evp.h>\n")
        self.catches(
            "src/base/crypto.h", HEADER + "#include <openssl/evp.h>\n",
            ["src/base/crypto.h:3: base may not include <openssl/evp.h>"],
        )

    def test_folders_of_core_keep_to_themselves(self):
        text = '#include "core/sql/token.h"\n'
        self.catches("src/core/mysql/a.cc", text, ['src/core/mysql/a.cc:1: core/mysql may not include "core/sql/token.h"'])
        self.passes("src/core/sql/a.cc", text)
        self.passes("src/core/routing/a.cc", text)

    def test_decisions_do_not_know_each_other(self):
        for mine, other in (("failover", "routing"), ("routing", "failover"), ("recovery", "failover")):
            self.catches(
                f"src/core/{mine}/a.cc", f'#include "core/{other}/b.h"\n',
                [f'src/core/{mine}/a.cc:1: core/{mine} may not include "core/{other}/b.h"'],
            )

    def test_edge_may_not_include_a_decision_of_core(self):
        self.catches(
            "src/edge/client/a.cc", '#include "core/failover/decide.h"\n',
            ['src/edge/client/a.cc:1: edge/client may not include "core/failover/decide.h"'],
        )

    def test_nothing_includes_upwards(self):
        self.catches(
            "src/base/a.cc", '#include "core/sql/token.h"\n', ['src/base/a.cc:1: base may not include "core/sql/token.h"']
        )
        self.catches(
            "src/edge/io/a.cc", '#include "service/proxy/proxy.h"\n',
            ['src/edge/io/a.cc:1: edge/io may not include "service/proxy/proxy.h"'],
        )

    def test_services_do_not_know_each_other(self):
        self.catches(
            "src/service/proxy/a.cc", '#include "service/agent/agent.h"\n',
            ['src/service/proxy/a.cc:1: service/proxy may not include "service/agent/agent.h"'],
        )

    def test_the_instance_may_use_the_client_but_not_the_store(self):
        self.passes("src/edge/instance/a.cc", '#include "edge/client/connection.h"\n')
        self.catches(
            "src/edge/instance/a.cc", '#include "edge/coord/store.h"\n',
            ['src/edge/instance/a.cc:1: edge/instance may not include "edge/coord/store.h"'],
        )

    def test_the_log_is_for_services_and_app(self):
        text = '#include "base/log.h"\n'
        self.passes("src/base/log.cc", text)
        self.passes("src/service/agent/a.cc", text)
        self.passes("src/app/main.cc", text)
        for path, row in (("src/edge/io/a.cc", "edge/io"), ("src/base/a.cc", "base")):
            self.catches(path, text, [f'{path}:1: {row} may not include "base/log.h"; service and app may'])

    def test_core_may_not_use_threads_files_or_sockets(self):
        for header in ("thread", "fstream", "mutex", "sys/socket.h", "unistd.h"):
            self.catches(
                "src/core/sql/a.cc", f"#include <{header}>\n", [f"src/core/sql/a.cc:1: core/sql may not include <{header}>"]
            )
        self.passes("src/edge/io/a.cc", "#include <fstream>\n#include <thread>\n#include <sys/socket.h>\n")

    def test_the_simulator_may_not_include_edge(self):
        self.catches(
            "tests/sim/a.cc", '#include "edge/io/loop.h"\n', ['tests/sim/a.cc:1: tests/sim may not include "edge/io/loop.h"']
        )

    def test_a_helper_beside_a_test_needs_no_path_outside_src(self):
        helper = {"tests/sim/clock.h": HEADER}
        self.assertEqual(check({**helper, "tests/sim/a.cc": '#include "clock.h"\n'}), [])
        self.catches("src/base/a.cc", '#include "check.h"\n', ['src/base/a.cc:1: write "check.h" as a path from src/'])

    def test_gtest_is_for_unit_tests(self):
        self.passes("src/core/sql/a_test.cc", "#include <gtest/gtest.h>\n#include <gmock/gmock.h>\n")
        self.catches(
            "src/core/sql/a.cc", "#include <gtest/gtest.h>\n",
            ["src/core/sql/a.cc:1: core/sql may not include <gtest/gtest.h>"],
        )

    def test_an_unknown_library_needs_a_line_in_the_table(self):
        self.catches(
            "src/app/a.cc", "#include <boost/any.hpp>\n",
            ["src/app/a.cc:1: <boost/any.hpp> belongs to no library of src/layers.txt"],
        )

    def test_a_new_folder_needs_a_row_in_the_table(self):
        self.catches("src/core/new/a.cc", "\n", ["src/core/new/a.cc:1: no row of src/layers.txt covers core/new/a.cc"])

    def test_a_broken_table_is_an_error(self):
        for text in ("[colours]\n", "base: | fmt\n", "[layers]\nbase fmt\n", "[layers]\nbase: | asoi\n"):
            self.assertEqual(len(check({}, layers=text)), 1, text)


class Core(TidyTest):
    def test_core_reads_no_clock(self):
        self.catches(
            "src/core/failover/a_test.cc", "auto t = std::chrono::steady_clock::now();\n",
            ["src/core/failover/a_test.cc:1: core may not read a clock; take the time as a value"],
        )
        self.passes("src/edge/io/clock.cc", "auto t = std::chrono::steady_clock::now();\n")
        self.passes("src/core/failover/a.cc", "// not steady_clock::now()\nif (view.now > lease.expires) {\n}\n")

    def test_core_never_awaits(self):
        self.catches("src/core/sql/a.cc", "co_return;\n", ["src/core/sql/a.cc:1: core may not use co_return"])


class Headers(TidyTest):
    def test_a_header_opens_with_a_comment(self):
        self.catches(
            "src/base/a.h", "#pragma once\n", ["src/base/a.h:1: a header opens with a comment that says what it is for"]
        )

    def test_a_header_is_included_once(self):
        self.catches("src/base/a.h", "// What it is for.\n", ["src/base/a.h:1: a header needs #pragma once"])

    def test_a_header_does_not_open_a_namespace_for_others(self):
        self.catches(
            "src/base/a.h", HEADER + "using namespace std;\n", ["src/base/a.h:3: a header may not say `using namespace`"]
        )
        self.passes("src/base/a.cc", "using namespace std::chrono_literals;\n")
        self.passes("src/base/a.h", HEADER + "// never `using namespace std;`\n")

    def test_names_are_snake_case(self):
        self.catches("src/base/GtidSet.h", HEADER, ["src/base/GtidSet.h:1: GtidSet.h is not named in snake_case"])
        self.catches("src/base/gtid-set.cc", "\n", ["src/base/gtid-set.cc:1: gtid-set.cc is not named in snake_case"])


class Coroutines(TidyTest):
    BRACE = "a brace in a co_await expression; name the value on the line before"
    LAMBDA = "a capturing lambda in a co_await expression; name the value on the line before"

    def caught(self, text, reason, line=1):
        self.catches("src/edge/io/a.cc", text + "\n", [f"src/edge/io/a.cc:{line}: {reason}"])

    def passed(self, text):
        self.passes("src/edge/io/a.cc", text + "\n")

    def test_no_braces_behind_an_await(self):
        self.caught("co_await connect(Options{host, port});", self.BRACE)
        self.caught("co_await send({a, b});", self.BRACE)
        self.caught("auto x = co_await\n    send(\n        Text{b});", self.BRACE)
        self.caught("if (co_await send(Text{b})) {\n}", self.BRACE)
        self.caught("merge(co_await read(), Options{host});", self.BRACE)
        self.caught("co_await map([](int x) { return x; });", self.BRACE)

    def test_no_braces_before_an_await(self):
        self.caught("merge(Options{host}, co_await read());", self.BRACE)
        self.caught("std::vector<int> all = {co_await read()};", self.BRACE)
        self.caught("send({co_await read()});", self.BRACE)

    def test_no_capturing_lambda_in_an_await(self):
        self.caught("co_await retry([&] { return 1; });", self.LAMBDA)
        self.caught("co_await retry(3, [this]() { return 1; });", self.LAMBDA)
        self.caught("co_await [self = this] { return 1; }();", self.LAMBDA)

    def test_blocks_around_an_await_are_fine(self):
        self.passed("if (auto r = co_await read(); r) {\n  use(*r);\n}")
        self.passed("if (co_await read()) {\n  use();\n}")
        self.passed("while ((co_await read()).ok() && more()) {\n}")
        self.passed("switch (co_await read()) {\n}")
        self.passed("for (auto x : co_await read()) {\n}")
        self.passed("if (done) {\n} else {\n  co_await read();\n}\nco_await read();")
        self.passed("Task<void> run() { co_await read(); }")
        self.passed("auto task = [](Stream s) -> Task<void> { co_await read(s); };")
        self.passed("Options o{host};\nco_await connect(std::move(o));")

    def test_subscripts_and_literals_are_no_lambdas_and_no_braces(self):
        self.passed('co_await send(parts[i], table()[2], "{", \'{\');  // {')
        self.passed("auto [a, b] = co_await read();")
        self.passed('co_await send(R"({"a": [1]})");')
        self.passed("co_await sleep(1'000);  // it's {")

    def test_a_lambda_with_captures_is_no_coroutine(self):
        reason = "a lambda that captures may not be a coroutine; pass what it needs as parameters"
        self.caught("spawn([this]() -> Task<void> { run(); });", reason)
        self.caught("spawn([&, x](int y) mutable -> asio::awaitable<void> { run(); });", reason)
        self.passed("spawn([](Loop loop) -> Task<void> { run(); });")
        self.passed("std::sort(a, b, [&](int x) -> bool { return x; });")


class Text(TidyTest):
    def test_no_tabs(self):
        self.catches("src/base/a.cc", "\tint a;\n", ["src/base/a.cc:1: a tab"])
        self.passes("Makefile", "up:\n\techo\n")

    def test_no_white_space_at_the_end(self):
        for space in (" ", "\r"):
            self.catches("docs/a.md", f"a{space}\n", ["docs/a.md:1: white space at the end of the line"])

    def test_files_end_with_a_newline(self):
        self.catches("docs/a.md", "a", ["docs/a.md:1: no newline at the end of the file"])

    def test_files_are_utf8(self):
        self.catches("docs/a.md", b"caf\xe9\n", ["docs/a.md:1: not UTF-8"])

    def test_no_notes_of_work_left(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" * 3):
            self.catches("src/base/a.cc", f"// {word}: later\n", [f"src/base/a.cc:1: {word}: do it, or open an issue"])
        self.passes("scripts/packages", "mktemp -d a.XXXXXX\n")

    def test_no_places_of_one_machine(self):
        for folder in ("work", "root"):
            self.catches("docs/a.md", f"see /{folder}/a\n", [f"docs/a.md:1: /{folder} is a place of one machine"])
            self.passes("docs/a.md", f"see src/{folder}/a, ~/{folder}/a, $x/{folder} and ${{x}}/{folder}\n")
        self.catches("src/base/a.cc", 'open("/' + 'tmp/a");\n', ["src/base/a.cc:1: /" + "tmp/ is a place of one machine"])
        self.passes("src/base/a.cc", 'runtime_dir = "/tmp";\n')
        self.passes("docs/a.md", "cd /tmp/a\n")

    def test_build_results_and_data_are_left_alone(self):
        for folder in ("build/dev", "dorsal-data", "tests/fuzz/corpus/gtid", "tests/golden"):
            self.passes(f"{folder}/a.txt", "a \n")


class Readmes(unittest.TestCase):
    def test_each_layer_has_one(self):
        self.assertEqual(
            check({}, readmes=False), [f"src/{layer}/README.md:1: each layer has a README.md" for layer in tidy.LAYER_FOLDERS]
        )

    def test_it_is_short(self):
        self.assertEqual(
            check({"src/core/README.md": "a\n" * 31}),
            ["src/core/README.md:31: 31 lines; a layer's README has at most 30"],
        )


if __name__ == "__main__":
    unittest.main()
