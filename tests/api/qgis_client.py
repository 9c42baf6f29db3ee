"""What QGIS does with the land, run by the Python that has QGIS: `python3 qgis_client.py QUESTION PROJECT [...]`; answers in JSON."""

import json
import os
import sys
import time

os.environ["QT_QPA_PLATFORM"] = "offscreen"
from collections import Counter

from qgis.core import (  # ty: ignore
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeatureRequest,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize  # ty: ignore
from qgis.PyQt.QtGui import QColor  # ty: ignore


def layer(name):
    return next(y for y in QgsProject.instance().mapLayers().values() if y.id().startswith(f"shudi_{name}_"))


def look():
    """Tell what the project shows: each layer with its count, its colours, and how the plots are drawn."""
    ready = layer("readiness")
    drawn, context = QgsExpression(ready.renderer().classAttribute()), QgsExpressionContext()
    context.appendScopes(QgsExpressionContextUtils.globalProjectLayerScopes(ready))
    states = Counter()
    for feature in ready.getFeatures():
        context.setFeature(feature)
        states[drawn.evaluate(context)] += 1
    parcels = layer("parcels")
    few = QgsFeatureRequest().setFilterExpression("\"status\" = 'ready'")
    near = QgsFeatureRequest().setFilterRect(QgsRectangle(next(parcels.getFeatures()).geometry().boundingBox()))
    return {
        "crs": QgsProject.instance().crs().authid(),
        "layers": {y.id(): [y.isValid(), y.featureCount()] for y in QgsProject.instance().mapLayers().values()},
        "colours": {c.value(): c.symbol().color().name() for c in ready.renderer().categories()},
        "states": states,
        "alias": parcels.attributeAlias(parcels.fields().indexOf("status")),
        "filtered": sum(1 for _ in parcels.getFeatures(few)),
        "near": sum(1 for _ in parcels.getFeatures(near)),
        "ids": sorted(f["id"] for f in parcels.getFeatures()),
        "seen": colours(ready),
    }


def colours(shown):
    """Draw a layer and tell the colours that are much of the picture."""
    settings = QgsMapSettings()
    settings.setLayers([shown])
    settings.setOutputSize(QSize(300, 200))
    settings.setExtent(shown.extent())
    settings.setDestinationCrs(shown.crs())
    settings.setBackgroundColor(QColor("#00ff00"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    found = Counter(image.pixelColor(x, y).name() for x in range(0, 300, 2) for y in range(0, 200, 2))
    return [name for name, count in found.items() if count > 100]


def edit(id, name, value):
    """Change an attribute and save it."""
    parcels = layer("parcels")
    feature = next(parcels.getFeatures(QgsFeatureRequest().setFilterExpression(f"\"id\" = '{id}'")))
    assert parcels.startEditing()
    parcels.changeAttributeValue(feature.id(), parcels.fields().indexOf(name), value)
    return {"saved": parcels.commitChanges(), "errors": parcels.commitErrors()}


def hold(seconds):
    """Read the plots one by one for so long, and then the rest: the reading is open all the time."""
    end, seen = time.monotonic() + float(seconds), 0
    for _ in layer("parcels").getFeatures():
        seen += 1
        if time.monotonic() < end:
            time.sleep(float(seconds) / 100)
    return {"seen": seen}


application = QgsApplication([], False)
application.initQgis()
assert QgsProject.instance().read(sys.argv[2])
print(json.dumps({"look": look, "edit": edit, "hold": hold}[sys.argv[1]](*sys.argv[3:])))
sys.stdout.flush()
os._exit(0)
