/** As Keras names layers: `MaxPooling2D` is `max_pooling2d`. */
export const snakeCase = (kind: string): string =>
  kind
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
