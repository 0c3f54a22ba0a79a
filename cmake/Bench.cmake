# bench/<x>.c is a program bench_<x>; it may use everything below cmd/.
file(GLOB hs_benches CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.c)
set(hs_bench_libs ${HS_ALL_LIBS})
list(REMOVE_ITEM hs_bench_libs hs_cmd)
foreach(path IN LISTS hs_benches)
  get_filename_component(name ${path} NAME_WE)
  string(REGEX REPLACE "^bench_" "" name ${name})
  add_executable(bench_${name} ${path})
  target_link_libraries(bench_${name} PRIVATE ${hs_bench_libs})
  # The generated OTLP decoder, for comparison; a build without tests has none.
  if(TARGET hs_test_otlp)
    target_link_libraries(bench_${name} PRIVATE hs_test_otlp)
  endif()
endforeach()
