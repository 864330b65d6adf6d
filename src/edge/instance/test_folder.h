// A folder of its own for a test, removed with everything in it at the end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/check.h"

namespace dorsal::instance {

struct TestFolder {
  TestFolder()
      : path((std::filesystem::temp_directory_path() / "dorsal-instance-XXXXXX").string()) {
    DORSAL_CHECK(::mkdtemp(path.data()) != nullptr);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string path;
};

}  // namespace dorsal::instance
