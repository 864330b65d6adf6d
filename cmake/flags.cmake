# Warning and sanitizer flags, as one interface library that every target of ours links.

add_library(dorsal_flags INTERFACE)
target_include_directories(dorsal_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(dorsal_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                              -Woverloaded-virtual -Wconversion -Wno-sign-conversion)
target_compile_definitions(dorsal_flags INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED
                                                  ASIO_DISABLE_BOOST_COROUTINE)
if(DORSAL_WERROR)
  target_compile_options(dorsal_flags INTERFACE -Werror)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(dorsal_flags INTERFACE -fcoroutines)
  # Coroutine frames make g++ 12 warn about its own temporaries.
  target_compile_options(dorsal_flags INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
else()
  # clang 14 with libstdc++ does not announce its coroutines; Asio asks for these three names.
  target_compile_definitions(dorsal_flags INTERFACE ASIO_HAS_CO_AWAIT=1 ASIO_HAS_STD_COROUTINE=1
                                                    __cpp_impl_coroutine=201902L)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # -O1 halves the time of sanitized tests and costs little to build; -g1 keeps stack traces.
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
endif()

if(DORSAL_SANITIZE)
  target_compile_options(dorsal_flags INTERFACE -fsanitize=${DORSAL_SANITIZE}
                                                -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dorsal_flags INTERFACE -fsanitize=${DORSAL_SANITIZE})
endif()

if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # One link job per core instead of one in all. g++ 12 names fields of coroutine frames by numbers of
  # their translation unit, and then takes the same frame for two different ones.
  target_link_options(dorsal_flags INTERFACE -flto=auto -Wno-odr)
endif()

find_program(DORSAL_CCACHE ccache)
if(DORSAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DORSAL_CCACHE})
endif()
find_program(DORSAL_LLD ld.lld)
if(DORSAL_LLD AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  add_link_options(-fuse-ld=lld)
endif()
