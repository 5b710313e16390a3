export const identity = (sample) => sample;
