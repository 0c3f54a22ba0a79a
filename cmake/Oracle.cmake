# A generated OTLP decoder, the oracle of ours: hs_test_otlp, with HS_TEST_OTLP_ORACLE defined for
# what links it. The definitions come from a Python package that scripts/setup test installs; where
# it is missing, tests that compare with the oracle skip.

set(hs_otlp_python ${HS_CACHE_DIR}/venv/bin/python3)
set(hs_otlp_script ${CMAKE_SOURCE_DIR}/scripts/lib/otlp_descriptors.py)
find_program(HS_PROTOC protoc)
find_program(HS_PROTOC_GEN_C protoc-gen-c)

add_library(hs_test_otlp INTERFACE)
if(EXISTS ${hs_otlp_python} AND HS_PROTOC AND HS_PROTOC_GEN_C)
  set(hs_otlp_dir ${CMAKE_BINARY_DIR}/gen_oracle)
  set(hs_otlp_protos "")
  foreach(name common/v1/common resource/v1/resource trace/v1/trace logs/v1/logs
          collector/trace/v1/trace_service collector/logs/v1/logs_service)
    list(APPEND hs_otlp_protos opentelemetry/proto/${name}.proto)
  endforeach()
  list(TRANSFORM hs_otlp_protos REPLACE "(.*)[.]proto$" "${hs_otlp_dir}/\\1.pb-c.c"
       OUTPUT_VARIABLE hs_otlp_sources)
  file(MAKE_DIRECTORY ${hs_otlp_dir})
  add_custom_command(
    OUTPUT ${hs_otlp_sources}
    COMMAND ${hs_otlp_python} ${hs_otlp_script} ${hs_otlp_dir}/otlp.descriptors
    COMMAND ${HS_PROTOC} --descriptor_set_in=${hs_otlp_dir}/otlp.descriptors
            --c_out=${hs_otlp_dir} ${hs_otlp_protos}
    DEPENDS ${hs_otlp_script}
    COMMENT "Generating the OTLP oracle"
    VERBATIM)
  add_library(hs_test_otlp_generated STATIC ${hs_otlp_sources})
  target_compile_options(hs_test_otlp_generated PRIVATE -w)
  target_include_directories(hs_test_otlp_generated SYSTEM PUBLIC ${hs_otlp_dir})
  target_link_libraries(hs_test_otlp_generated PUBLIC PkgConfig::protobuf_c)
  target_link_libraries(hs_test_otlp INTERFACE hs_test_otlp_generated)
  target_compile_definitions(hs_test_otlp INTERFACE HS_TEST_OTLP_ORACLE=1)
else()
  message(STATUS "No OTLP oracle: run scripts/setup test")
endif()
