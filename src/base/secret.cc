#include "base/secret.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"

namespace dorsal {

// Whole pages of their own: locking and hiding from core dumps work by the page.
class Secret::Page {
 public:
  explicit Page(std::string_view text) : size_(text.size()) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (size_ / page + 1) * page;
    start_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DORSAL_CHECK(start_ != MAP_FAILED);
    is_locked_ = mlock(start_, mapped_) == 0;
    madvise(start_, mapped_, MADV_DONTDUMP);
    std::memcpy(start_, text.data(), size_);
  }
  ~Page() {
    explicit_bzero(start_, size_);
    munmap(start_, mapped_);
  }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  std::string_view view() const { return {static_cast<const char*>(start_), size_}; }
  bool is_locked() const { return is_locked_; }

 private:
  std::size_t size_;
  std::size_t mapped_ = 0;
  void* start_ = nullptr;
  bool is_locked_ = false;
};

Secret::Secret(std::string_view text) : page_(std::make_shared<Page>(text)) {}

std::string_view Secret::view() const { return page_ ? page_->view() : std::string_view(); }
bool Secret::are_locked() const { return page_ == nullptr || page_->is_locked(); }

// All that the string has room for, since it may have been longer or moved away from.
void wipe(std::string& text) {
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

void wipe(char* bytes, std::size_t size) { explicit_bzero(bytes, size); }

}  // namespace dorsal
