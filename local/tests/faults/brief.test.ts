import { describeTroubles } from "./cases.ts";
import {
  droppedAfterTheWork,
  droppedBeforeTheWork,
  internalError,
  noAnswer,
  throttling,
  unavailable,
} from "./faults.ts";

describeTroubles("a call of AWS goes wrong, and the SDK tries again", "once", [
  throttling,
  internalError,
  unavailable,
  noAnswer,
  droppedBeforeTheWork,
  droppedAfterTheWork,
]);
