# Tests are found by name: tests/unit/<folder>/test_<x>.c, tests/contract/<port>/test_<x>.c and
# tests/fuzz/fuzz_<x>.c, one executable each. End-to-end tests are pytest's (scripts/test).

set(hs_tests ${CMAKE_SOURCE_DIR}/tests)
set(HS_TEST_TIMEOUT_S 240)
include(Oracle)

# Fakes and helpers shared by tests. It names no library of its own: a test brings what it uses.
file(GLOB_RECURSE hs_support_sources CONFIGURE_DEPENDS ${hs_tests}/support/*.c)
if(HS_TESTS AND hs_support_sources)
  add_library(hs_test_support STATIC ${hs_support_sources})
  target_include_directories(hs_test_support PUBLIC ${hs_tests})
  target_link_libraries(hs_test_support PUBLIC PkgConfig::cmocka PkgConfig::yyjson
                        PkgConfig::sqlite3)
endif()

# Sets out to the libraries that a test of the given folder of src/ may use.
function(hs_libs_under_test folder out)
  string(REGEX MATCH "^[^/]+" layer ${folder})
  string(REPLACE "/" "_" name ${folder})
  set(libs "")
  if(layer IN_LIST HS_SERVICES)
    set(libs hs_${layer} ${HS_BACKEND_LIBS})
  elseif(layer STREQUAL "backend")
    if(TARGET hs_${name})
      set(libs hs_${name})
    else()
      set(libs ${HS_BACKEND_LIBS})
    endif()
  elseif(TARGET hs_${layer})
    set(libs hs_${layer})
  endif()
  set(${out} ${libs} PARENT_SCOPE)
endfunction()

# Adds one test program; ARGN is what it links, its own libraries first.
function(hs_add_test target source label)
  add_executable(${target} ${source})
  target_include_directories(${target} PRIVATE ${hs_tests})
  if(TARGET hs_test_support)
    target_link_libraries(${target} PRIVATE hs_test_support)
  endif()
  target_link_libraries(${target} PRIVATE ${ARGN} hs_test_otlp PkgConfig::cmocka)
  target_compile_definitions(${target} PRIVATE HS_TESTS_DIR="${hs_tests}")
  add_test(NAME ${target} COMMAND ${target})
  # Exit code 77 says that something the test needs is not on this machine.
  set_tests_properties(${target} PROPERTIES TIMEOUT ${HS_TEST_TIMEOUT_S} LABELS ${label}
                       SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()

if(HS_TESTS)
  file(GLOB_RECURSE hs_unit CONFIGURE_DEPENDS RELATIVE ${hs_tests}/unit ${hs_tests}/unit/test_*.c)
  foreach(path IN LISTS hs_unit)
    get_filename_component(folder ${path} DIRECTORY)
    get_filename_component(name ${path} NAME_WE)
    string(REGEX REPLACE "^test_" "" name ${name})
    string(REPLACE "/" "_" flat ${folder})
    hs_libs_under_test(${folder} libs)
    hs_add_test(test_unit_${flat}_${name} ${hs_tests}/unit/${path} unit ${libs})
  endforeach()

  file(GLOB_RECURSE hs_contract CONFIGURE_DEPENDS RELATIVE ${hs_tests}/contract
       ${hs_tests}/contract/test_*.c)
  foreach(path IN LISTS hs_contract)
    get_filename_component(folder ${path} DIRECTORY)
    get_filename_component(name ${path} NAME_WE)
    string(REGEX REPLACE "^test_" "" name ${name})
    string(REPLACE "/" "_" flat ${folder})
    set(libs ${HS_BACKEND_LIBS})
    if(TARGET hs_port)
      list(APPEND libs hs_port)
    endif()
    hs_add_test(test_contract_${flat}_${name} ${hs_tests}/contract/${path} contract ${libs})
  endforeach()
endif()

# A fuzz target is a libFuzzer program with HS_FUZZ; otherwise the same function replays the files
# of its corpus and of regress/, so that ctest runs them under each sanitizer.
file(GLOB hs_fuzzers CONFIGURE_DEPENDS ${hs_tests}/fuzz/fuzz_*.c)
set(hs_fuzz_libs ${HS_ALL_LIBS})
list(REMOVE_ITEM hs_fuzz_libs hs_cmd)
foreach(path IN LISTS hs_fuzzers)
  get_filename_component(target ${path} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" name ${target})
  if(HS_FUZZ)
    add_executable(${target} ${path})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${target} ${path} ${hs_tests}/fuzz/replay_main.c)
    add_test(NAME replay_${target} COMMAND ${target} ${hs_tests}/fuzz/corpus/${name}
             ${hs_tests}/fuzz/regress/${name})
    set_tests_properties(replay_${target} PROPERTIES TIMEOUT ${HS_TEST_TIMEOUT_S} LABELS fuzz)
  endif()
  target_include_directories(${target} PRIVATE ${hs_tests})
  # libFuzzer's entry point has no header of its own.
  target_compile_options(${target} PRIVATE -Wno-missing-prototypes)
  target_link_libraries(${target} PRIVATE ${hs_fuzz_libs} hs_test_otlp)
endforeach()
