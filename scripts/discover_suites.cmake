# Writes one add_test() for each GoogleTest suite of TEST_BINARY to OUTPUT: starting LibTorch for each single test
# would cost minutes. A suite "golden/Glow" (instantiated as "golden") becomes the test "golden.Glow".
#   cmake -D TEST_BINARY=… -D OUTPUT=… -P discover_suites.cmake
execute_process(COMMAND ${CMAKE_COMMAND} -E env OMP_NUM_THREADS=1 ${TEST_BINARY} --gtest_list_tests
                OUTPUT_VARIABLE listing RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${TEST_BINARY} --gtest_list_tests ended with ${status}\n${listing}")
endif()
string(REGEX MATCHALL "(^|\n)[^ \n][^\n]*" lines "${listing}")
set(script "")
foreach(line ${lines})
  if(NOT line MATCHES "^\n?([^ ]+)\\.( |$)")
    continue()
  endif()
  set(suite ${CMAKE_MATCH_1})
  string(REPLACE "/" "." name ${suite})
  string(APPEND script "add_test(\"${name}\" \"${TEST_BINARY}\" \"--gtest_filter=${suite}.*\" --gtest_brief=1)\n"
                       "set_tests_properties(\"${name}\" PROPERTIES TIMEOUT 600\n"
                       "  ENVIRONMENT \"OMP_NUM_THREADS=1;OMP_WAIT_POLICY=passive\")\n")
endforeach()
file(WRITE ${OUTPUT} "${script}")
