// COCO's and AlphaPose's lists of people, as `lift3d.io.keypoints.coco` and its neighbour `alphapose` do.

const COCO_LAYOUTS = { 17: "coco_17", 26: "halpe_26", 133: "coco_17", 136: "halpe_26" };

const isResults = (document) => Array.isArray(document) && isObject(document[0])
  && "image_id" in document[0];
const isAnnotations = (document) => isObject(document) && "annotations" in document;
const isPictures = (document) => isObject(document) && isOpenPose(Object.values(document)[0]);

function cocoRows(entries, where, named = false) {
  const fits = (id) => (named ? typeof id === "string" : Number.isSafeInteger(id));
  return entries.map((entry, number) => {
    if (!isObject(entry) || !fits(entry.image_id)) {
      refuse(`${named ? "a picture's name" : "a whole number"} as 'image_id' in ${where}, entry ${number}`,
        "something else", "write it again");
    }
    if (!Array.isArray(entry.keypoints)) {
      refuse(`'keypoints' in ${where}, entry ${number}`, "none", "write it again");
    }
    const points = triplets(entry.keypoints, `${where}, entry ${number}`);
    return { frame: entry.image_id, who: idOf(entry.track_id ?? entry.idx), points };
  });
}

/** A detector's list: pictures by number (COCO) or by name (AlphaPose). */
function readResults(document, where) {
  const named = typeof document[0].image_id === "string";
  const kind = named ? "AlphaPose results" : "COCO results";
  const rows = cocoRows(document, where, named);
  const layouts = named ? { 16: "mpii_16", ...COCO_LAYOUTS } : COCO_LAYOUTS;
  return { format: kind, rows, layouts, space: "pixels", ...(named ? namedFrames : pictureFrames)(rows) };
}

function readAnnotations({ images = [], annotations }, where) {
  if (!Array.isArray(images) || !Array.isArray(annotations)) {
    refuse(`lists of images and people in ${where}`, "something else", "write it again");
  }
  const labelled = annotations.filter((a) => !isObject(a) || (a.num_keypoints !== 0 && a.keypoints));
  const rows = cocoRows(labelled, where);
  for (const { points } of rows) {  // hidden ones are a person's guess
    for (let i = 2; i < points.length; i += 3) points[i] = points[i] === 1 ? 0.5 : Math.min(points[i], 1);
  }
  const sizes = images.filter((image) => isObject(image) && (image.width || image.height));
  if (sizes.some(({ width, height }) => width !== sizes[0].width || height !== sizes[0].height)) {
    refuse(`pictures of one size, a clip, in ${where}`, "several sizes", "keep one clip per file");
  }
  return { format: "COCO annotations", rows, layouts: COCO_LAYOUTS, space: "pixels",
    size: sizes.length ? sizeOf([sizes[0].height, sizes[0].width], where) : null,
    ...pictureFrames(rows, images.map((image) => image?.id).filter(Number.isSafeInteger)) };
}

/** AlphaPose's forms `cmu` and `open`. */
function readPictures(document, where) {
  const rows = Object.entries(document).flatMap(([name, picture]) =>
    openPosePeople(isObject(picture) ? picture : {}, name, `${where}, picture ${name.slice(-40)}`));
  return { format: "AlphaPose results by picture", rows, layouts: { 18: "coco_18" },
    space: openPoseSpace(rows), ...namedFrames(rows, Object.keys(document)) };
}
