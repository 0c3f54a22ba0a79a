# Third-party libraries, each through pkg-config, as targets PkgConfig::<name>.
# What the distribution lacks was unpacked into the cache by scripts/setup and is found there.

if(DEFINED ENV{HAYSTAT_CACHE_DIR})
  set(HS_CACHE_DIR $ENV{HAYSTAT_CACHE_DIR})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(HS_CACHE_DIR $ENV{XDG_CACHE_HOME}/haystat)
else()
  set(HS_CACHE_DIR $ENV{HOME}/.cache/haystat)
endif()
file(GLOB hs_cached_pc_dirs ${HS_CACHE_DIR}/deps/usr/lib/*/pkgconfig)
foreach(dir IN LISTS hs_cached_pc_dirs)
  set(ENV{PKG_CONFIG_PATH} "${dir}:$ENV{PKG_CONFIG_PATH}")
  # Unpacked shared libraries are found by the built programs without LD_LIBRARY_PATH.
  get_filename_component(libdir ${dir} DIRECTORY)
  list(APPEND CMAKE_BUILD_RPATH ${libdir})
endforeach()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(hs_dependency name module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endfunction()

hs_dependency(microhttpd libmicrohttpd>=0.9.75)
hs_dependency(curl libcurl>=7.88)
hs_dependency(yyjson yyjson>=0.8)
hs_dependency(utf8proc libutf8proc)
hs_dependency(lz4 liblz4)
hs_dependency(zstd libzstd)
hs_dependency(zlib zlib)
hs_dependency(sqlite3 sqlite3>=3.40)
hs_dependency(yaml yaml-0.1)
hs_dependency(crypto libcrypto>=3.0)
hs_dependency(xxhash libxxhash)
if(HS_TESTS)
  hs_dependency(cmocka cmocka)
endif()
if(HS_TESTS OR HS_FUZZ)
  # The generated OTLP decoder is the oracle of ours in tests; the program does not use it.
  hs_dependency(protobuf_c libprotobuf-c)
endif()
