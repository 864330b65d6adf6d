# dorsal_folder(NAME [LINK target...])
#
# Declares the folder it is called in as an object-free static library NAME of every *.cc file in it
# (tests apart), and NAME_test of every *_test.cc, registered with CTest under the
# label "unit". New files are picked up at the next build.
function(dorsal_folder name)
  cmake_parse_arguments(ARG "" "" "LINK;TEST_LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  if(tests)
    list(REMOVE_ITEM sources ${tests})
  endif()
  list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)

  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC dorsal_flags ${ARG_LINK})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE dorsal_flags ${ARG_LINK})
  endif()

  if(tests AND DORSAL_TESTS AND NOT DORSAL_FUZZ)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} ${ARG_TEST_LINK} GTest::gtest GTest::gmock
                                               GTest::gtest_main)
    # What is disabled is no test by itself: other tests run it as a process of its own.
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                         TEST_FILTER "-*.DISABLED_*" PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
