# Options of the build and the compiler flags that every target gets.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(hs_is_debug OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(hs_is_debug ON)
endif()

option(HS_TESTS "Build unit tests, contract tests and fuzz replays" ON)
option(HS_BENCH "Build bench/*.c" OFF)
option(HS_FUZZ "Build tests/fuzz with libFuzzer (clang only)" OFF)
option(HS_COVERAGE "Count executed lines (gcov)" OFF)
option(HS_KILLPOINTS "Compile the points at which a test may kill the process" ${hs_is_debug})
option(HS_ARENA_DEBUG "One malloc for each object of an arena, so that ASan sees each" OFF)
set(HS_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
set(HS_PROGRAM_DIR ${CMAKE_BINARY_DIR} CACHE PATH "Folder that the program haystat is put into")

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# HS_ASSERT is on in release, so NDEBUG is not set anywhere.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

add_compile_definitions(_GNU_SOURCE HS_VERSION="${PROJECT_VERSION}")
# Everything ends up in executables: -fPIE lets gcc inline what -fPIC would keep replaceable.
add_compile_options(
  -fPIE
  -fno-omit-frame-pointer
  -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=
  $<$<COMPILE_LANGUAGE:C>:-Wall>
  $<$<COMPILE_LANGUAGE:C>:-Wextra>
  $<$<COMPILE_LANGUAGE:C>:-Wshadow>
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<COMPILE_LANGUAGE:C>:-Wvla>
  $<$<COMPILE_LANGUAGE:C>:-Wformat=2>
  $<$<COMPILE_LANGUAGE:C>:-Werror>)
include_directories(${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/gen)

if(hs_is_debug)
  # xxHash's always_inline functions are too large for gcc 14 at -Og with sanitizers.
  add_compile_definitions(XXH_NO_INLINE_HINTS=1)
endif()
if(HS_KILLPOINTS)
  add_compile_definitions(HS_KILLPOINTS=1)
endif()
if(HS_ARENA_DEBUG)
  add_compile_definitions(HS_ARENA_DEBUG=1)
endif()

if(HS_SANITIZE)
  add_compile_options(-fsanitize=${HS_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HS_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT HS_SANITIZE)
  # With -O3, 7.5 % fewer instructions of the collector: small functions of base/ go inline.
  include(CheckIPOSupported)
  check_ipo_supported(LANGUAGES C)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  add_link_options(-Wno-error) # compilers that are not tested may warn of more when they see it all
  add_compile_options($<$<COMPILE_LANGUAGE:C>:-U_FORTIFY_SOURCE>
                      $<$<COMPILE_LANGUAGE:C>:-D_FORTIFY_SOURCE=2>)
endif()
add_link_options(-pie -Wl,-z,relro,-z,now -Wl,--as-needed)

if(HS_COVERAGE)
  # Atomic counters, because the services are threads of one process.
  add_compile_options(--coverage -fprofile-update=atomic)
  # A process that ends by _exit calls __gcov_dump() first, if this is defined.
  add_compile_definitions(HS_COVERAGE=1)
  add_link_options(--coverage)
endif()
if(HS_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "HS_FUZZ needs clang, found ${CMAKE_C_COMPILER_ID}")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(HS_CCACHE ccache)
if(HS_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${HS_CCACHE})
endif()
