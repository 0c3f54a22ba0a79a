# The libraries: hs_<folder> for each folder of src/, hs_backend_<name> for each folder or single
# .c file of src/backend/. The two tables below say what each may use; scripts/check-layers holds
# the includes to the same order. A folder that does not exist is left out.

# Haystat's own libraries below each layer.
set(HS_USES_base "")
set(HS_USES_conf base)
set(HS_USES_model conf base)
set(HS_USES_analysis model conf base)
set(HS_USES_net model conf base)
set(HS_USES_port model conf base)
set(HS_USES_backend port net model conf base embed)
set(HS_USES_service analysis port net model conf base embed)
set(HS_SERVICES collector engine debug gateway store sim)

# Third-party libraries, by folder. A backend's own comes in addition to those of `backend`.
set(HS_LIBS_base Threads::Threads PkgConfig::xxhash PkgConfig::crypto m)
set(HS_LIBS_conf PkgConfig::yaml)
set(HS_LIBS_model PkgConfig::yyjson PkgConfig::utf8proc PkgConfig::xxhash PkgConfig::crypto)
set(HS_LIBS_net PkgConfig::microhttpd PkgConfig::curl PkgConfig::yyjson PkgConfig::lz4
    PkgConfig::zstd PkgConfig::zlib PkgConfig::crypto)
set(HS_LIBS_backend PkgConfig::lz4 PkgConfig::zstd PkgConfig::xxhash PkgConfig::yyjson)
set(HS_LIBS_backend_metadata_sqlite PkgConfig::sqlite3)
set(HS_LIBS_service PkgConfig::yyjson PkgConfig::utf8proc PkgConfig::crypto)
set(HS_LIBS_store ${CMAKE_DL_LIBS})

set(HS_ALL_LIBS "")
set(HS_BACKEND_LIBS "")

# Adds hs_<name> from every .c file below the given folder or from the one file given.
function(hs_add_library name path uses)
  set(sources ${path})
  if(IS_DIRECTORY ${path})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${path}/*.c)
  endif()
  set(libs ${ARGN})
  foreach(other IN LISTS uses)
    if(TARGET hs_${other})
      list(APPEND libs hs_${other})
    endif()
  endforeach()
  if(sources)
    add_library(hs_${name} STATIC ${sources})
    target_link_libraries(hs_${name} PUBLIC ${libs})
  else()
    add_library(hs_${name} INTERFACE)
    target_link_libraries(hs_${name} INTERFACE ${libs})
  endif()
  set(HS_ALL_LIBS hs_${name} ${HS_ALL_LIBS} PARENT_SCOPE)
endfunction()

set(hs_src ${CMAKE_SOURCE_DIR}/src)
foreach(layer base conf model analysis net port)
  if(IS_DIRECTORY ${hs_src}/${layer})
    hs_add_library(${layer} ${hs_src}/${layer} "${HS_USES_${layer}}" ${HS_LIBS_${layer}})
  endif()
endforeach()

file(GLOB hs_backends CONFIGURE_DEPENDS LIST_DIRECTORIES true ${hs_src}/backend/*)
foreach(path IN LISTS hs_backends)
  get_filename_component(name ${path} NAME_WE)
  if(IS_DIRECTORY ${path} OR path MATCHES "\\.c$")
    hs_add_library(backend_${name} ${path} "${HS_USES_backend}"
                   ${HS_LIBS_backend} ${HS_LIBS_backend_${name}})
    list(APPEND HS_BACKEND_LIBS hs_backend_${name})
  endif()
endforeach()

foreach(service IN LISTS HS_SERVICES)
  if(IS_DIRECTORY ${hs_src}/${service})
    hs_add_library(${service} ${hs_src}/${service} "${HS_USES_service}"
                   ${HS_LIBS_service} ${HS_LIBS_${service}})
  endif()
endforeach()

if(IS_DIRECTORY ${hs_src}/cmd)
  set(hs_below ${HS_ALL_LIBS})
  list(TRANSFORM hs_below REPLACE "^hs_" "")
  hs_add_library(cmd ${hs_src}/cmd "${hs_below};embed" ${CMAKE_DL_LIBS})
endif()
