// Node.js strips types in place, so stack traces need no source maps. Pulumi's SDK looks them up all the same, for a trace of each of its
// promises: that took half of the time of a preview with 100 functions (npm run bench).
Reflect.deleteProperty(Error, "prepareStackTrace");
