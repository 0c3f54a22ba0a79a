# The program: main.c over every library.
if(EXISTS ${CMAKE_SOURCE_DIR}/src/main.c)
  add_executable(haystat ${CMAKE_SOURCE_DIR}/src/main.c)
  target_link_libraries(haystat PRIVATE ${HS_ALL_LIBS})
  set_target_properties(haystat PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${HS_PROGRAM_DIR})
endif()

# The store finds libchdb beside the program. scripts/setup put it into the cache.
set(hs_chdb ${HS_CACHE_DIR}/chdb/libchdb.so)
if(EXISTS ${hs_chdb} AND NOT EXISTS ${HS_PROGRAM_DIR}/libchdb.so)
  file(MAKE_DIRECTORY ${HS_PROGRAM_DIR})
  file(CREATE_LINK ${hs_chdb} ${HS_PROGRAM_DIR}/libchdb.so SYMBOLIC)
endif()
