// node count-tests.mjs REPORT STATUS: prints `N passed, N failed` from the report of vitest's JSON reporter and the
// exit status of that run. What failed outside of any test counts as one failure: a test file that could not be
// loaded, an error nobody caught, a run without report or without tests.
import { readFileSync } from "node:fs";

const [reportFile, status] = process.argv.slice(2);

function countTests() {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(reportFile, "utf8"));
  const brokenFiles = testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles.length };
}

let passed = 0;
let failed = 0;
try {
  ({ passed, failed } = countTests());
} catch (error) {
  console.error(`The test run left no report: ${error.message}`);
}
if (failed === 0 && (status !== "0" || passed === 0)) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
